#!/usr/bin/env python3
"""Names that a search finds: at most 2 % of the functions share their name with one in another file, and no static
function has a name of one word. Prints what is wrong; the exit status says whether there was anything."""
import collections
import os
import re
import sys

MOST_SHARED = 0.02
# Our layout puts a definition's name and its brace at the beginning of lines (make format).
DEFINITION = re.compile(r'^(static |inline )*(?!typedef\b|struct \w+ \{|enum\b|return\b|else\b)[a-z_][\w *]*?[ *]'
                        r'(\w+)\([^;{}]*?\)\n\{', re.M)


def sources():
    for top in 'src', 'supervisord':
        for folder, _, names in os.walk(top):
            yield from (os.path.join(folder, name) for name in names if name.endswith('.c'))


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
    where, total, wrong = collections.defaultdict(set), 0, []
    for path in sorted(sources()):
        with open(path) as f:
            text = f.read()
        for found in DEFINITION.finditer(text):
            name = found.group(2)
            total += 1
            where[name].add(path)
            if 'static' in found.group(0).split('(')[0] and '_' not in name and name != 'main':
                wrong.append(f'{path}: {name}: a static function carries the noun of its file')
    shared = {name: paths for name, paths in where.items() if len(paths) > 1 and not name.endswith('main')}
    if not total:
        wrong.append('no function was found')
    elif sum(map(len, shared.values())) > MOST_SHARED * total:
        wrong += [f'{name}: is in {", ".join(sorted(paths))}' for name, paths in sorted(shared.items())]
    print('\n'.join(f'names: {line}' for line in wrong), end='\n' if wrong else '')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
