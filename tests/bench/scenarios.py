"""What is measured. A scenario is one contender's turn in one round; the rounds are interleaved."""
import os
import shutil
import time

from benchlib import DONE, UP, Trouble, answer_of
from contenders import Least, Ours, Runit, S6, Supervisor, present

SCENARIOS = []
PAUSE_US = 2000  # between two starts: a machine that has gone to rest, as it is when a worker dies


class Scenario:
    def __init__(self, fn, who, quick, whole):
        self.fn, self.who, self.name = fn, who, fn.__name__
        self.quick, self.whole = quick, whole

    def rounds(self, bench):
        return self.quick if bench.quick else self.whole

    def takes_part(self, bench, who, turn):
        """In a hurry the peers have one turn: what they take is minutes, and it varies little."""
        return turn == 0 or who in ('floor', 'ours') or not bench.quick


def scenario(*who, quick, whole):
    """Which contenders take part, and in how many rounds with QUICK=1 and without."""
    def mark(fn):
        SCENARIOS.append(Scenario(fn, who, quick, whole))
        return fn
    return mark


def pick(bench, quick, whole):
    return quick if bench.quick else whole


def contender(who):
    return {'ours': Ours, 'supervisor': Supervisor, 's6': S6, 'runit': Runit}[who]


def is_here(who):
    return who in ('floor', 'ours') or who in present()


# ---- pieces

def kill_some(bench, fleet, what, count):
    """Restart latency; also CPU per restart, where the bench does not pause in between."""
    pids = os.path.join(fleet.dir, 'pids')
    with open(pids, 'w') as f:
        f.write('\n'.join(map(str, fleet.workers)))
    before = fleet.cpu_ns()
    got = bench.drive('kill', fleet.records.path, pids, count, fleet.min_age_ms, PAUSE_US)
    if got['lost']:
        raise Trouble(f'{fleet.name}: {got["lost"]} of {count} restarts were not seen')
    bench.note(fleet.name, f'{what}_cpu', (fleet.cpu_ns() - before) / count)
    bench.note_samples(fleet.name, what, got['restart'])


def ask_one(bench, fleet, what, count):
    """Requests about one process over one persistent connection."""
    question = fleet.question('supervisor.getProcessInfo', fleet.process(fleet.count // 2))
    got = bench.drive('ask', fleet.socket, question, count, 0)
    bench.note_samples(fleet.name, what, got['ask'])
    if fleet.name == 'ours':
        question = fleet.get(f'/v1/processes/{fleet.process(fleet.count // 2)}')
        got = bench.drive('ask', fleet.socket, question, count, 0)
        bench.note_samples(fleet.name, f'{what}_json', got['ask'])


def idle(bench, fleet, seconds):
    fleet.settle()
    cpu, wakes = fleet.cpu_ns(), fleet.wakeups()
    time.sleep(seconds)
    bench.note(fleet.name, 'idle_cpu_ns_per_s', (fleet.cpu_ns() - cpu) / seconds)
    bench.note(fleet.name, 'idle_wakeups_per_s', (fleet.wakeups() - wakes) / seconds)


def _restarts(bench, who):
    """How many are worth measuring: with two of the peers each one takes a second."""
    few = pick(bench, 2, 6)
    many = pick(bench, 300, 1000)
    return {'ours': many, 'floor': many, 'runit': pick(bench, 20, 60)}.get(who, few)


def restart_floor(bench, count, room=10000):
    with Least(bench, min(count, room)) as fleet:
        fleet.wait_up()
        fleet.settle()
        kill_some(bench, fleet, f'restart_{count}', _restarts(bench, 'floor'))


# ---- scenarios

@scenario('floor', 'ours', 'supervisor', 's6', 'runit', quick=2, whole=5)
def one_worker(bench, who):
    if who == 'floor':
        place = bench.place('floor')
        count = pick(bench, 300, 1000)
        for what in ('spawn', 'respawn'):
            fifo = os.path.join(place, what)
            bench.note_samples('floor', what,
                               bench.drive(what, fifo, bench.worker, count, PAUSE_US)[what])
        bench.note_samples('floor', 'echo', bench.drive('echo', 20000, 300, 900)['echo'])
        bench.note_samples('floor', 'exec', bench.drive('exec', 200, bench.nothing)['exec'])
        restart_floor(bench, 1)
        return
    many = 20 if who == 'runit' else 1  # which makes a young one wait
    with contender(who)(bench, many) as fleet:
        fleet.wait_up()
        if fleet.can_be_asked:
            fleet.wait_answering()
            ask_one(bench, fleet, 'ask_1', pick(bench, 2000, 10000))
        kill_some(bench, fleet, 'restart_1', _restarts(bench, who))


@scenario('floor', 'ours', 'supervisor', 's6', 'runit', quick=2, whole=3)
def thousand(bench, who):
    if who == 'floor':
        place = bench.place('floor')
        for _ in range(3):
            got = bench.drive('fleet', os.path.join(place, 'fifo'), bench.worker, 1000)
            bench.note('floor', 'start_1000', got['start'])
            bench.note('floor', 'stop_1000', got['stop'])
        restart_floor(bench, 1000)
        return
    with contender(who)(bench, 1000) as fleet:
        bench.note(who, 'start_1000', fleet.wait_up())
        fleet.settle()
        pss, dirty, kernel = fleet.memory()
        bench.note(who, 'pss_1000', pss)
        bench.note(who, 'dirty_1000', dirty)
        bench.note(who, 'kernel_1000', kernel)
        idle(bench, fleet, pick(bench, 4 if who == 'ours' else 2, 60 if who == 'ours' else 5))
        if fleet.can_be_asked:
            _thousand_asked(bench, fleet, who == 'ours')
        kill_some(bench, fleet, 'restart_1000', _restarts(bench, who))
        bench.note(who, 'stop_1000', fleet.stop())


def _thousand_asked(bench, fleet, is_ours):
    who = fleet.name
    ask_one(bench, fleet, 'ask_1000', pick(bench, 5000, 20000) if is_ours else 300)
    question = fleet.question('supervisor.getProcessInfo', fleet.process(500))
    got = bench.drive('flood', fleet.socket, question, pick(bench, 1, 3), 8)
    bench.note(who, 'calls_1000', got['calls_per_s'])
    question = fleet.question('supervisor.getAllProcessInfo')
    got = bench.drive('ask', fleet.socket, question, 200 if is_ours else 5, 0)
    bench.note_samples(who, 'all_1000', got['ask'])
    if is_ours:
        got = bench.drive('ask', fleet.socket, fleet.get('/v1/processes'), 200, 0)
        bench.note_samples(who, 'all_1000_json', got['ask'])
    count = pick(bench, 50, 200) if is_ours else 3
    for what, args in (('status_one', ['status', fleet.process(500)]), ('status_1000', ['status'])):
        got = bench.drive('exec', count, *fleet.ctl(*args))
        if got['failed']:
            raise Trouble(f'{who}: supervisorctl {" ".join(args)} failed')
        bench.note_samples(who, what, got['exec'])


@scenario('floor', 'ours', quick=1, whole=3)
def ten_thousand(bench, who):
    """Where descriptors are few, with one log pipe per worker, and as many workers as there is room
    for."""
    room = bench.nofile - 300
    extra = '' if room >= 3 * 10000 else 'redirect_stderr=true\n'
    many = min(10000, room // 2)
    if many < 5000:
        raise Trouble(f'a limit of {bench.nofile} descriptors is too low')
    if who == 'floor':
        restart_floor(bench, 10000, many)
        return
    with contender(who)(bench, 1000, extra=extra) as fleet:
        fleet.wait_up()
        fleet.settle()
        small = fleet.memory()[0]
    with contender(who)(bench, many, extra=extra) as fleet:
        bench.note(who, 'start_10000', fleet.wait_up())
        fleet.wait_answering()
        fleet.settle()
        pss, dirty, kernel = fleet.memory()
        bench.note(who, 'workers_10000', many)
        bench.note(who, 'pss_10000', pss)
        bench.note(who, 'dirty_10000', dirty)
        bench.note(who, 'kernel_10000', kernel)
        bench.note(who, 'growth', (pss - small) / (many - 1000))
        ask_one(bench, fleet, 'ask_10000', pick(bench, 5000, 20000))
        kill_some(bench, fleet, 'restart_10000', _restarts(bench, who))
        bench.note(who, 'stop_10000', fleet.stop())


@scenario('ours', quick=1, whole=3)
def smaller_fleets(bench, who):
    """With the fleets above: what an event costs at 10, 100, 1,000 and 10,000 workers."""
    for many in (10, 100):
        with contender(who)(bench, many) as fleet:
            bench.note(who, f'start_{many}', fleet.wait_up())
            fleet.wait_answering()
            ask_one(bench, fleet, f'ask_{many}', pick(bench, 5000, 20000))
            kill_some(bench, fleet, f'restart_{many}', pick(bench, 300, 1000))


@scenario('ours', 'supervisor', 's6', 'runit', quick=1, whole=3)
def thousand_with_logs(bench, who):
    with contender(who)(bench, 1000, logs=True, do={'BENCH_LINE': '1'}) as fleet:
        bench.note(who, 'start_1000_logs', fleet.wait_up())
        fleet.settle()
        pss, dirty, kernel = fleet.memory()
        bench.note(who, 'pss_1000_logs', pss)
        bench.note(who, 'dirty_1000_logs', dirty)
        bench.note(who, 'kernel_1000_logs', kernel)
        bench.note(who, 'stop_1000_logs', fleet.stop())


def _log_sizes(bench):
    return (('100', 100, pick(bench, 100 << 20, 1 << 30)),
            ('64k', 65536, pick(bench, 512 << 20, 2 << 30)))


@scenario('floor', 'ours', 'supervisor', 's6', 'runit', quick=1, whole=3)
def log_lines(bench, who):
    """One worker that writes as fast as it can."""
    for what, size, total in _log_sizes(bench):
        if who == 'floor':
            for how in ('append', 'cat', 'batch'):
                _bare_log(bench, f'log_{what}_{how}', how, total, size, 1)
        else:
            _log(bench, who, f'log_{what}', total, size)


@scenario('floor', 'ours', 'supervisor', 's6', 'runit', quick=1, whole=3)
def log_sixteen(bench, who):
    """Sixteen of them, each with a log of its own."""
    for what, size, total in _log_sizes(bench):
        if who == 'floor':
            for how in ('append', 'batch'):
                _bare_log(bench, f'log16_{what}_{how}', how, total, size, 16)
        else:
            _log(bench, who, f'log16_{what}', total, size, count=16)


@scenario('ours', quick=1, whole=3)
def log_text(bench, who):
    """Each line behind a stamp and a name."""
    for what, size, total in _log_sizes(bench):
        for name, count in (('log', 1), ('log16', 16)):
            _log(bench, who, f'{name}_{what}_text', total, size, count=count,
                 extra='stdout_format=text\n')


def _bare_log(bench, name, how, total, size, writers):
    place = bench.place('floor')
    got = bench.drive('sink', how, os.path.join(place, 'log'), bench.worker, total // writers, size,
                      writers)
    shutil.rmtree(place)
    bench.note('floor', f'{name}_mb_s', got['mb_per_s'])
    bench.note('floor', f'{name}_cpu', got['cpu_s_per_gib'])


def _log(bench, who, name, total, size, count=1, extra=''):
    do = {'BENCH_BYTES': str(total // count), 'BENCH_SIZE': str(size)}
    with contender(who)(bench, count, logs=True, do=do, extra=extra) as fleet:
        found = {UP: [], DONE: []}
        cpu = fleet.cpu_ns()
        for kind, record in fleet.records.each(2 * count):
            found[kind].append(record)
        began = min(ns for _, ns, _ in found[UP])
        ended = max(ns for _, ns, _ in found[DONE])
        written = sum(value for _, _, value in found[DONE])
        bench.note(who, f'{name}_mb_s', written / ((ended - began) / 1e9) / 1e6)
        for number in range(count):
            _wait_logged(fleet, number, total // count, size)
        cpu = fleet.cpu_ns() - cpu
        bench.note(who, f'{name}_cpu', cpu / 1e9 / (written / (1 << 30)))


def _wait_logged(fleet, number, total, size):
    """Until the log has all of it. What stands in front of its first line stands in front of each."""
    folder, name = os.path.split(fleet.log_of(number))
    lines = -(-total // size)

    def is_whole():
        path = os.path.join(folder, name)
        if name == 'current':  # rotated: beside it are older ones
            return lines * size <= sum(e.stat().st_size for e in os.scandir(folder)
                                       if e.name == name or e.name.startswith('@'))
        with open(path, 'rb') as f:
            return os.path.getsize(path) >= lines * len(f.readline())
    until = time.monotonic() + 60
    while not is_whole():
        if time.monotonic() > until:
            raise Trouble(f'{fleet.name} has not logged {total} bytes of writer {number}')
        time.sleep(0.01)


@scenario('ours', 'supervisor', quick=1, whole=3)
def apply_one_of_thousand(bench, who):
    with contender(who)(bench, 1000, separate=True) as fleet:
        bench.note(who, 'start_1000_programs', fleet.wait_up())
        fleet.wait_answering()
        fleet.settle()
        bench.note(who, 'pss_1000_programs', fleet.memory()[0])
        for turn in range(pick(bench, 2, 5)):
            before = fleet.pids()
            fleet.write_programs(changed=500, value=turn)
            bench.note(who, 'apply', fleet.apply())
            after = fleet.pids()
            others = [name for name, pid in before.items()
                      if after.get(name) != pid and name != fleet.process(500)]
            bench.note(who, 'apply_disturbed', len(others))
            if before[fleet.process(500)] == after.get(fleet.process(500)):
                raise Trouble(f'{who}: the change was not applied')


@scenario('floor', 'ours', 'supervisor', quick=1, whole=3)
def crash_storm(bench, who):
    """200 workers that end at once, started again without a pause."""
    seconds = pick(bench, 3, 10)
    if who == 'floor':
        fifo = os.path.join(bench.place('floor'), 'fifo')
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        try:
            got = bench.drive('spin', fifo, bench.worker, seconds)
        finally:
            os.sched_setaffinity(0, range(os.cpu_count()))
        bench.note('floor', 'storm_starts_per_s', got['starts_per_s'])
        return
    with contender(who)(bench, 200, do={'BENCH_EXIT': '1'}) as fleet:
        count = bench.drive_later('count', fleet.records.path, 1)
        fleet.wait_answering()
        answer_of(count)
        cpu = fleet.cpu_ns()
        count = bench.drive_later('count', fleet.records.path, seconds)
        if who == 'ours':
            question = fleet.question('supervisor.getState')
            got = bench.drive('ask', fleet.socket, question, seconds * 50, 10000)
            bench.note_samples(who, 'storm_control', got['ask'])
        got = answer_of(count)
        bench.note(who, 'storm_starts_per_s', got['starts_per_s'])
        bench.note(who, 'storm_cpu_per_start', (fleet.cpu_ns() - cpu) / max(1, got['starts']))


@scenario('ours', quick=1, whole=1)
def many_restarts(bench, who):
    """Does the daemon grow? Its private pages before and after, once it is warm: what was needed to begin
    with is given back ten seconds later, also while restarts continue."""
    with contender(who)(bench, 50, do={'BENCH_EXIT': '1'}) as fleet:
        wanted, starts = pick(bench, 15000, 100000), 0
        fleet.wait_answering()
        bench.drive('count', fleet.records.path, pick(bench, 12, 20))
        before = _written_pages(fleet.root.pid)
        while starts < wanted:
            starts += bench.drive('count', fleet.records.path, 1)['starts']
        bench.note(who, 'pages_grown', _written_pages(fleet.root.pid) - before)
        bench.note(who, 'pages_restarts', starts)


def _written_pages(pid):
    """The least of some looks: what is on its way at one of them has not come to stay. Code is left
    out, which is dirty while its file has just been written."""
    def look():
        total, writable = 0, False
        with open(f'/proc/{pid}/smaps') as f:
            for line in f:
                words = line.split()
                if not words[0].endswith(':'):
                    writable = 'w' in words[1]
                elif writable and words[0] == 'Private_Dirty:':
                    total += int(words[1])
        return total // 4

    looks = []
    for _ in range(50):
        looks.append(look())
        time.sleep(0.02)
    return min(looks)


@scenario('ours', quick=1, whole=2)
def thousand_probed(bench, who):
    seconds = pick(bench, 8, 30)
    port = 18000 + os.getpid() % 20000
    web = bench.drive_later('web', port, seconds + 6, 1000)
    extra = (f'healthcheck=http://127.0.0.1:{port}/%(process_num)d\nhealthcheck_interval=1s\n'
             'healthcheck_timeout=900ms\n')
    with contender(who)(bench, 1000, extra=extra) as fleet:
        fleet.wait_up()
        time.sleep(3)
        cpu = fleet.cpu_ns()
        time.sleep(seconds)
        bench.note(who, 'probe_core_share', (fleet.cpu_ns() - cpu) / 1e9 / seconds)
        fleet.tell_to_end()
        got = answer_of(web)
    bench.note(who, 'probe_late_p99_ms', got['late']['p99'] / 1e6)
    bench.note(who, 'probe_late_max_ms', got['late']['max'] / 1e6)
    bench.note(who, 'probe_requests_per_s', got['requests'] / (seconds + 3))
