"""From rounds to medians, goals, tables and a picture."""
import json
import os
import shutil
import subprocess
import time

from benchlib import median, spread

HERE = os.path.dirname(os.path.abspath(__file__))
WHO = ('ours', 'supervisor', 's6', 'runit', 'floor')
FLEETS = (10, 100, 1000, 10000)

# What the table shows: text, unit, the figure's name, and what the floor calls it (None: no floor).
ROWS = (
    ('memory (PSS), 1,000 workers, no logs', 'mib', 'pss_1000', None),
    ('private dirty memory for it', 'mib', 'dirty_1000', None),
    ('kernel memory for it (page tables, threads)', 'mib', 'kernel_1000', None),
    ('memory (PSS), 1,000 workers with a log each', 'mib', 'pss_1000_logs', None),
    ('private dirty memory for it', 'mib', 'dirty_1000_logs', None),
    ('kernel memory for it', 'mib', 'kernel_1000_logs', None),
    ('memory (PSS), 1,000 programs of one worker', 'mib', 'pss_1000_programs', None),
    ('memory (PSS), 10,000 workers', 'mib', 'pss_10000', None),
    ('growth per further worker, bytes', 'number', 'growth', None),
    ('idle, 1,000 workers: wake-ups per second', 'number', 'idle_wakeups_per_s', None),
    ('idle, 1,000 workers: CPU per second', 'us', 'idle_cpu_ns_per_s', None),
    ('restart p50, fleet of 1', 'us', 'restart_1_p50', 'restart_1_p50'),
    ('restart p99, fleet of 1', 'us', 'restart_1_p99', 'restart_1_p99'),
    ('restart p50, fleet of 1,000', 'us', 'restart_1000_p50', 'restart_1000_p50'),
    ('restart p99, fleet of 1,000', 'us', 'restart_1000_p99', 'restart_1000_p99'),
    ('restart p50, fleet of 10,000', 'us', 'restart_10000_p50', 'restart_10000_p50'),
    ('vfork + exec + first write p50', 'us', 'spawn_p50', 'spawn_p50'),
    ('start of 1,000', 'ms', 'start_1000', 'start_1000'),
    ('start of 1,000 with a log each', 'ms', 'start_1000_logs', None),
    ('TERM with 1,000 workers', 'ms', 'stop_1000', 'stop_1000'),
    ('getProcessInfo p50, 1 worker', 'us', 'ask_1_p50', 'echo_p50'),
    ('getProcessInfo p50, 1,000 workers', 'us', 'ask_1000_p50', None),
    ('GET /v1/processes/NAME p50, 1,000 workers', 'us', 'ask_1000_json_p50', None),
    ('getProcessInfo, 8 connections: calls/s', 'number', 'calls_1000', None),
    ('getAllProcessInfo of 1,000 p50', 'us', 'all_1000_p50', None),
    ('GET /v1/processes of 1,000 p50', 'us', 'all_1000_json_p50', None),
    ('supervisorctl status of one', 'us', 'status_one_p50', 'exec_p50'),
    ('supervisorctl status of 1,000', 'us', 'status_1000_p50', None),
    ('apply, one program of 1,000 changed', 'ms', 'apply', None),
    ('crash storm: starts/s', 'number', 'storm_starts_per_s', 'storm_starts_per_s'),
    ('crash storm: supervising CPU per start', 'us', 'storm_cpu_per_start', None),
    ('crash storm: control p99', 'us', 'storm_control_p99', None),
    ('100-byte log writes: MB/s (floor: append itself)', 'number', 'log_100_mb_s',
     'log_100_append_mb_s'),
    ('100-byte log writes: CPU s/GiB (floor: batched reader)', 'number', 'log_100_cpu',
     'log_100_batch_cpu'),
    ('the same as text (stdout_format): MB/s', 'number', 'log_100_text_mb_s', None),
    ('the same as text: CPU s/GiB', 'number', 'log_100_text_cpu', None),
    ('64 KiB log writes: MB/s (floor: cat)', 'number', 'log_64k_mb_s', 'log_64k_cat_mb_s'),
    ('64 KiB log writes: CPU s/GiB (floor: cat)', 'number', 'log_64k_cpu', 'log_64k_cat_cpu'),
    ('the same as text: MB/s', 'number', 'log_64k_text_mb_s', None),
    ('the same as text: CPU s/GiB', 'number', 'log_64k_text_cpu', None),
    ('sixteen writers, 100 bytes: MB/s (floor: append themselves)', 'number', 'log16_100_mb_s',
     'log16_100_append_mb_s'),
    ('sixteen writers, 100 bytes: CPU s/GiB (floor: batched reader)', 'number', 'log16_100_cpu',
     'log16_100_batch_cpu'),
    ('the same as text: MB/s', 'number', 'log16_100_text_mb_s', None),
    ('the same as text: CPU s/GiB', 'number', 'log16_100_text_cpu', None),
    ('sixteen writers, 64 KiB: MB/s (floor: batched reader)', 'number', 'log16_64k_mb_s',
     'log16_64k_batch_mb_s'),
    ('sixteen writers, 64 KiB: CPU s/GiB (floor: batched reader)', 'number', 'log16_64k_cpu',
     'log16_64k_batch_cpu'),
    ('the same as text: MB/s', 'number', 'log16_64k_text_mb_s', None),
    ('the same as text: CPU s/GiB', 'number', 'log16_64k_text_cpu', None),
    ('1,000 http checks a second: share of a core', 'number', 'probe_core_share', None),
    ('the latest of these checks, ms', 'number', 'probe_late_max_ms', None),
    ('on disk in a container', 'mib', 'disk', None),
)

SCALE = {'mib': 1 << 20, 'us': 1e3, 'ms': 1e6, 'number': 1}
UNIT = {'mib': ' MiB', 'us': ' us', 'ms': ' ms', 'number': ''}


# ---- goals

class _Figures:
    """ours.pss_1000 in a formula: the median of its rounds."""

    def __init__(self, figures):
        self._figures = figures

    def __getattr__(self, name):
        if name not in self._figures:
            raise KeyError(name)
        return median(self._figures[name])


class Goal:
    def __init__(self, line):
        self.name, must, moonshot, self.formula, self.text = (x.strip() for x in line.split('|'))
        self.side, bound = must.split()
        if self.side not in ('<=', '>='):
            raise ValueError(f'goals: neither <= nor >= in: {line}')
        self.must, self.moonshot = _number(bound), _number(moonshot)
        self.value = None

    def measure(self, results):
        names = {who: _Figures(results.get(who, {})) for who in WHO}
        try:
            self.value = float(eval(self.formula, {'__builtins__': {}},
                                    {**names, 'max': max, 'min': min}))
        except (KeyError, ZeroDivisionError):
            self.value = None

    def reaches(self, bound):
        if self.value is None:
            return False
        return self.value <= bound if self.side == '<=' else self.value >= bound

    @property
    def met(self):
        return self.reaches(self.must)


def _number(text):
    over, _, under = text.partition('/')
    return float(over) / float(under or 1)


def read_goals(results, path=os.path.join(HERE, 'goals')):
    with open(path) as f:
        goals = [Goal(line) for line in f if line.strip() and not line.startswith('#')]
    for goal in goals:
        goal.measure(results)
    return goals


def short(value):
    if value is None:
        return 'not measured'
    if value == 0:
        return '0'
    if abs(value) < 0.1:
        return f'1/{1 / value:.0f}' if value > 0 else f'{value:.3g}'
    return f'{value:,.0f}' if abs(value) >= 100 else f'{value:.3g}'


# ---- tables

def _cell(figures, name, unit):
    values = figures.get(name)
    if not values:
        return ''
    text = f'{_digits(median(values) / SCALE[unit])}{UNIT[unit]}'
    return text if len(values) < 2 else f'{text} ±{spread(values) * 50:.0f} %'


def _digits(value):
    if value == 0:
        return '0'
    return f'{value:,.0f}' if value >= 100 else f'{value:.3g}'


def markdown(results, goals, about, rows=ROWS):
    lines = [f'Measured on {about["date"]}: {about["machine"]["cpu"]}, {about["machine"]["cores"]} '
             f'cores, Linux {about["machine"]["kernel"]}, load {about["machine"]["load_before"]:.1f} '
             f'before; {about["commit"]}{", QUICK=1" if about["quick"] else ""}. Medians of the rounds '
             'and half their spread.', '',
             '| figure | ours | Supervisor | s6 | runit | bare machine |', '|---|---|---|---|---|---|']
    for text, unit, name, floor in rows:
        if about['partial'] and not any(name in figures for figures in results.values()):
            continue
        cells = [_cell(results.get(who, {}), name, unit) for who in WHO[:-1]]
        cells.append(_cell(results.get('floor', {}), floor, unit) if floor else '')
        lines.append(f'| {text} | ' + ' | '.join(cells) + ' |')
    if goals:
        lines += ['', '| goal | must | moonshot | measured | |', '|---|---|---|---|---|']
    for g in goals:
        side = '≤' if g.side == '<=' else '≥'
        word = 'moonshot' if g.reaches(g.moonshot) else 'met' if g.met else '**missed**'
        lines.append(f'| {g.text} | {side} {short(g.must)} | {short(g.moonshot)} | '
                     f'{short(g.value)} | {word} |')
    return '\n'.join(lines) + '\n'


# ---- the picture

CURVES = (('restart p50', 'restart_{}_p50'), ('CPU of a restart', 'restart_{}_cpu'),
          ('getProcessInfo p50', 'ask_{}_p50'), ('GET /v1/processes/NAME p50', 'ask_{}_json_p50'))


def picture(results, folder):
    """What an event costs with a growing fleet, each curve as a multiple of its own cost at 10."""
    ours = results.get('ours', {})
    curves = []
    for title, name in CURVES:
        points = [(n, median(ours[name.format(n)])) for n in FLEETS if ours.get(name.format(n))]
        if len(points) > 1:
            curves.append((title, [(n, v / points[0][1]) for n, v in points]))
    if not curves or not shutil.which('gnuplot'):
        return None
    path = os.path.join(folder, 'scaling.svg')
    data = ''.join(''.join(f'{n} {v:.4f}\n' for n, v in points) + 'e\n' for _, points in curves)
    plots = ', '.join(f"'-' with linespoints lw 2 title '{title}'" for title, _ in curves)
    script = (f"set terminal svg size 800,500 background 'white'\nset output '{path}'\n"
              "set logscale x\nset xlabel 'workers'\nset ylabel 'cost of an event (1: with 10)'\n"
              f"set yrange [0:*]\nset key left top\nset grid\nplot {plots}, 1.2 dt 2 title 'goal'\n")
    subprocess.run(['gnuplot'], input=script + data, text=True, check=False,
                   stderr=subprocess.DEVNULL)
    return path if os.path.exists(path) else None


# ---- all of it

def commit():
    done = subprocess.run(['git', '-C', HERE, 'describe', '--always', '--dirty'], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return f'commit {done.stdout.strip()}' if done.returncode == 0 else 'no commit'


def write(bench, machine, folder, partial):
    """Returns the goals: of a partial run those that it could measure."""
    results = bench.results
    goals = [g for g in read_goals(results) if not partial or g.value is not None]
    about = {'date': time.strftime('%Y-%m-%d %H:%M'), 'machine': machine, 'commit': commit(),
             'quick': bench.quick, 'partial': partial}
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'results.json'), 'w') as f:
        json.dump({'about': about, 'troubles': bench.troubles,
                   'goals': {g.name: {'value': g.value, 'must': g.must, 'side': g.side,
                                      'moonshot': g.moonshot, 'met': g.met} for g in goals},
                   'figures': {who: {name: {'median': median(v), 'min': min(v), 'max': max(v),
                                            'rounds': v} for name, v in sorted(figures.items())}
                               for who, figures in results.items()}}, f, indent=1)
        f.write('\n')
    text = markdown(results, goals, about)
    with open(os.path.join(folder, 'results.md'), 'w') as f:
        f.write(text)
    print('\n' + text)
    picture(results, folder)
    for name in sorted(os.listdir(folder)):
        print(os.path.join(folder, name))
    return goals
