#!/usr/bin/env python3
"""Random files through our reader and through Python's configparser with Supervisor's settings.

usage: ini_compare.py PATH-OF-ini_dump [NUMBER [SEED]]
Exits 1 at the first difference and leaves the file's name.
"""
import configparser
import os
import random
import subprocess
import sys
import tempfile

PIECES = ['[', ']', 'a', 'Bc', 'key', '=', ':', ' ', '  ', '\t', ';', '#', ' ;', ' #', '%', '"', "'", '\\',
          '\x0c', '\x0b', '\x1c', '\x1f', 'x' * 210, 'section' * 20, '[DEFAULT]', '[a]', '[b c]', 'k = v', 'l: w',
          'é', 'word']
ENDS = ['\n'] * 8 + ['\r\n', '\r', '\n\n', '\n \n']


def line(rnd):
    kind = rnd.random()
    if kind < 0.12:
        return rnd.choice(['[a]', '[b]', '  [c]', '[d e] x', '[a] b]', '[]', '[x]=1', '[DEFAULT]', '[' + 's' * 120 + ']'])
    if kind < 0.45:
        return rnd.choice(['', '', ' ', '   ']) + rnd.choice(['k', 'Key', 'l m']) + rnd.choice(['=', ' = ', ':', ' : ']) + \
            ''.join(rnd.choice(PIECES) for _ in range(rnd.randrange(8)))
    if kind < 0.65:
        return rnd.choice([' ', '  ', '    ', '\t', '\x0c ']) + ''.join(rnd.choice(PIECES) for _ in range(rnd.randrange(6)))
    if kind < 0.75:
        return rnd.choice(['', ' ', '    ']) + rnd.choice(';#') + ' comment ; # x'
    if kind < 0.85:
        return rnd.choice(['', ' ', '\t\t'])
    return ''.join(rnd.choice(PIECES) for _ in range(rnd.randrange(7)))


def make(rnd):
    text = '' if rnd.random() < 0.05 else '[first]' + rnd.choice(ENDS)
    for _ in range(rnd.randrange(1, 14)):
        text += line(rnd) + rnd.choice(ENDS)
    return text if rnd.random() < 0.8 else text.rstrip('\r\n')


def theirs(path):
    parser = configparser.RawConfigParser(strict=False, inline_comment_prefixes=(';', '#'))
    verdict = 'ok'
    try:
        with open(path, encoding='utf-8') as f:
            parser.read_file(f, 'f')
    except configparser.MissingSectionHeaderError as e:
        return 'refused', e.lineno, {}, e.message
    except configparser.ParsingError as e:
        verdict = 'bad'
        message = e.message
    sections = {s: dict(parser._sections[s]) for s in parser.sections()}
    sections['DEFAULT'] = dict(parser._defaults)
    for keys in sections.values():  # after an error the values were not joined
        for k, v in keys.items():
            if isinstance(v, list):
                keys[k] = '\n'.join(v).rstrip()
    return verdict, None, sections, message if verdict == 'bad' else ''


def ours(lines):
    sections, current = {'DEFAULT': {}}, None
    for words in lines:
        if words[0] == 's':
            current = sections.setdefault(unhex(words[1]), {})
        elif words[0] == 'k':
            current[unhex(words[1])] = unhex(words[2])
        else:
            verdict = ['ok', 'bad', 'refused', 'nomem'][int(words[1])]
            return verdict, int(words[2]), sections, unhex(words[3])


def unhex(word):
    return bytes.fromhex(word.rstrip('-')).decode()


def compare(path, lines):
    want, got = theirs(path), ours(lines)
    if want[0] == 'refused':
        return want[0] == got[0] and want[1] == got[1] and want[3] == got[3]
    want_sections = want[2]
    if want[0] == 'bad':  # Python keeps a key without a name when its line is bad
        for keys in want_sections.values():
            keys.pop('', None)
    return want[0] == got[0] and want_sections == got[2] and want[3] == got[3]


def main():
    driver, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    rnd = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else None)
    with tempfile.TemporaryDirectory() as d:
        paths = [os.path.join(d, str(i)) for i in range(count)]
        for p in paths:
            with open(p, 'w', encoding='utf-8', newline='') as f:
                f.write(make(rnd))
        out = subprocess.run([driver], input='\n'.join(paths) + '\n', capture_output=True, text=True, check=True).stdout
        blocks = [[w.split(' ') for w in b.strip('\n').split('\n')] for b in out.split('\n.\n') if b.strip()]
        assert len(blocks) == count, (len(blocks), count)
        verdicts = {}
        for p, block in zip(paths, blocks):
            if not compare(p, block):
                saved = 'ini-difference.txt'
                os.replace(p, saved)
                print('difference, see', saved, '\npython:', theirs(saved), '\nours:  ', ours(block))
                return 1
            v = block[-1][1]
            verdicts[v] = verdicts.get(v, 0) + 1
    print('%d files agree (%s)' % (count, ', '.join('%s: %d' % (k, n) for k, n in sorted(verdicts.items()))))
    return 0


sys.exit(main())
