"""Writers that number their lines, through everything that happens to a log; and disks that hang."""
import fcntl
import glob
import gzip
import json
import os
import re
import signal
import threading
import time

from e2elib import UnixConnection, check, has, read_file, same, small_disk, story


def whole_log(path):
    """The bytes of a log and its backups, oldest first."""
    def number(name):
        found = re.fullmatch(r'\.(\d+)(\.gz)?', name[len(path):])
        return int(found.group(1)) if found else 0
    text = b''
    for name in sorted(glob.glob(path + '*'), key=number, reverse=True):
        with (gzip.open if name.endswith('.gz') else open)(name, 'rb') as f:
            text += f.read()
    return text


def check_numbers(path, count=None):
    """No number missing, none twice, no line torn."""
    text = whole_log(path)
    check(text.endswith(b'\n'), f'{path} ends with a line')
    lines = text.splitlines()
    for i, line in enumerate(lines, 1):
        if line != b'line %d' % i:
            check(False, f'{path}: line {i} is {line[:60]!r}')
    if count:
        same(len(lines), count, f'lines of {path}')
    return len(text)


def settled(d, name):
    def adds_up(p):
        o = p['stdout']
        return o['buffered'] == 0 and o['read'] == o['written']
    return d.wait_process(name, adds_up, 'all is written')


@story(nobody=True, slow=2)
def nothing_is_lost_whatever_happens_to_a_log(c):
    count = 400_000

    def text(maxbytes):
        return c.program('w', f' lines {count}', f'stdout_logfile={c.path("out")}', 'startsecs=0',
                         f'stdout_logfile_maxbytes={maxbytes}', 'stdout_logfile_backups=500',
                         'stdout_compress=gzip', 'autorestart=false')
    d = c.daemon(text('200KB'))
    for turn in range(12):
        time.sleep(0.01)
        d.send(signal.SIGUSR2)
        d.post('/v1/logs/w/rotate', {})
        d.apply(text(f'{150 + turn * 10}KB'))
    d.wait_state('w', 'EXITED')
    p = settled(d, 'w')
    c.wait(lambda: not glob.glob(c.path('out.*[0-9]')), 'all backups are compressed',
           lambda: glob.glob(c.path('out*')))
    same(check_numbers(c.path('out'), count), p['stdout']['written'], 'bytes')
    backups = glob.glob(c.path('out.*'))
    check(len(backups) > 5, f'{backups}, {p["stdout"]}')
    same(p['stdout']['rotations'], len(backups), 'rotations')


@story(nobody=True, slow=2)
def a_stop_in_the_middle_loses_nothing_that_was_written(c):
    d = c.daemon(c.program('w', ' lines 100000000', f'stdout_logfile={c.path("out")}', 'startsecs=0',
                           'stdout_logfile_maxbytes=1MB', 'stdout_logfile_backups=200'))
    c.wait(lambda: os.path.exists(c.path('out.3')), 'it has written some')
    d.order('w', 'stop')
    p = settled(d, 'w')
    text = whole_log(c.path('out'))
    same(len(text), p['stdout']['written'], 'bytes')
    lines = text.split(b'\n')
    for i, line in enumerate(lines[:-1], 1):
        if line != b'line %d' % i:
            check(False, f'line {i} is {line[:60]!r}')


def all_settled(c, d, count):
    """Everything has been written: the processes by their names."""
    found = {}

    def look():
        found.clear()
        found.update((p['process'], p) for p in d.processes())
        logs = [p['stdout'] for p in found.values()]
        return all(o['buffered'] == 0 and o['read'] == o['written'] for o in logs)
    c.wait(look, 'all is written')
    same(len(found), count, 'processes')
    return found


def caught_up(c, d):
    """Whatever was asked of the logs so far is done: they are reopened in the order of asking."""
    os.rename(d.logfile, d.logfile + '.before')
    d.send(signal.SIGUSR2)
    c.wait(lambda: os.path.exists(d.logfile), 'the main log is reopened')


def written_by_all(d):
    processes = d.get('/v1/processes?fields=stdout').json()['processes']
    return sum(p['stdout']['written'] for p in processes)


def full_speed(c, writers, lines, zipped):
    """So many writers at full speed, and everything that may happen to their logs; then a stop in the
    middle. `zipped` of them have their backups compressed."""
    def text(maxbytes):
        def program(name, count, *more):
            return c.program(name, f' lines {lines}', f'numprocs={count}', 'startsecs=0',
                             f'process_name={name}%(process_num)d', 'autorestart=false',
                             f'stdout_logfile_maxbytes={maxbytes}', 'stdout_logfile_backups=500',
                             f'stdout_logfile={c.path(name)}%(process_num)d/out',
                             'redirect_stderr=true', *more)
        return (program('z', zipped, 'stdout_compress=gzip')
                + (program('w', writers - zipped) if writers > zipped else ''))
    for i in range(writers):  # each log in a directory of its own, or looking for backups takes long
        os.mkdir(c.path(f'z{i}' if i < zipped else f'w{i - zipped}'))
    turns = 4 if writers < 100 else 2
    size = lines * 10 // turns // 2  # some rotations of each
    d = c.daemon(text(size))
    c.wait(lambda: not d.info()['counts']['STOPPED'], 'all have been started', d.info)
    for turn in range(turns):
        c.wait(lambda: written_by_all(d) > turn * writers * size or not d.info()['counts']['RUNNING'],
               'they go on')
        d.send(signal.SIGUSR2)
        d.post('/v1/logs/all/rotate', {})
        d.apply(text(size + (turn + 1) * size // 10))
    d.request('POST', '/v1/processes/all/stop', {})
    c.wait(lambda: not d.info()['counts']['RUNNING'], 'all have ended', d.info)
    found = all_settled(c, d, writers)
    caught_up(c, d)
    c.wait(lambda: not glob.glob(c.path('z*/out*.[0-9]')) + glob.glob(c.path('z*/*.part')),
           'all backups are compressed')
    total = 0
    for name, p in found.items():
        path = c.path(name, 'out')
        written = p['stdout']['written']
        total += written
        if written:
            same(check_numbers(path), written, f'bytes of {path}')
    check(total > 1000 * writers, f'{total} bytes are too few to tell')
    check(len(glob.glob(c.path('z*/out*.gz'))) >= zipped, 'backups')


@story(nobody=True, slow=2, busy=True)
def one_writer_at_full_speed(c):
    full_speed(c, 1, 300_000 if c.asan else 1_000_000, 1)


@story(nobody=True, slow=2, busy=True)
def fifty_writers_at_full_speed(c):
    full_speed(c, 50, 4000 if c.asan else 20_000, 10)


@story(slow=3, busy=True)
def a_thousand_writers_at_full_speed(c):
    full_speed(c, 100 if c.asan else 1000, 600, 20)


def disk_fills_up(c, writers, lines, *more):
    """A disk that is full before they are done, and is freed."""
    disk = small_disk(c, '8m')
    d = c.daemon(c.program('w', f' lines {lines}', f'numprocs={writers}', 'startsecs=0',
                           'process_name=w%(process_num)d', 'autorestart=false', 'autostart=false',
                           'stdout_logfile_maxbytes=8KB', 'stdout_logfile_backups=500',
                           f'stdout_logfile={disk}/out-%(process_num)d.log', 'redirect_stderr=true',
                           *more))
    with open(f'{disk}/filler', 'wb') as f:
        f.write(b'f' * (15 << 19))  # all but 512 KiB
    d.request('POST', '/v1/processes/all/start', {'wait': False})
    c.wait(lambda: d.info()['log_errors'], 'it is full')
    d.send(signal.SIGUSR2)
    d.post('/v1/logs/all/rotate', {})
    check(d.answers(), 'it answers')
    os.unlink(f'{disk}/filler')
    d.wait_all('EXITED', writers)
    for name, p in all_settled(c, d, writers).items():
        path = f'{disk}/out-{name[1:]}.log'
        same(p['stdout']['dropped'], 0, 'dropped')
        same(len(whole_log(path)), p['stdout']['written'], f'bytes of {path}')
        if not more:
            check_numbers(path, lines)
        else:
            said = [json.loads(line)['message'] for line in whole_log(path).splitlines()]
            same(said, [f'line {i}' for i in range(1, lines + 1)], f'lines of {path}')
    same(d.info()['log_errors'], [], 'log_errors')


@story(root=True, slow=2)
def a_disk_that_fills_up_and_is_freed_loses_nothing(c):
    disk_fills_up(c, 50, 10_000)


@story(root=True, slow=2)
def a_disk_that_fills_up_loses_no_line_with_a_format(c):
    disk_fills_up(c, 20, 2500, 'stdout_format=json')


@story(nobody=True)
def lines_of_several_writers_stay_whole_in_one_file(c):
    d = c.daemon(c.program('w', ' lines 3000', 'numprocs=5', 'process_name=%(process_num)d',
                           'startsecs=0', 'autorestart=false', 'stdout_format=json',
                           f'stdout_logfile={c.path("out")}', 'stdout_logfile_maxbytes=100KB',
                           'stdout_logfile_backups=100'))
    d.wait_all('EXITED', 5)
    for i in range(5):
        settled(d, f'w:{i}')
    said = {}
    for line in whole_log(c.path('out')).splitlines():
        o = json.loads(line)
        said.setdefault((o['process'], o['stream']), []).append(o['message'])
        check(re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z', o['time']), o['time'])
        check(o['pid'] is None or o['pid'] > 1, f'pid {o["pid"]}')
    same(said, {(str(i), 'stdout'): [f'line {n}' for n in range(1, 3001)] for i in range(5)}, 'said')


@story(nobody=True)
def text_has_a_stamp_and_a_name(c):
    d = c.daemon(c.program('w', "/bin/sh -c 'echo one; echo two; exec sleep 1000'",
                           'stdout_timestamp=true', f'stdout_logfile={c.path("out")}'))
    c.wait(lambda: read_file(c.path('out')).count('\n') == 2, 'two lines')
    for line, said in zip(read_file(c.path('out')).splitlines(), ('one', 'two')):
        check(re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z w ' + said, line), line)
    d.wait_state('w', 'RUNNING')


@story(root=True, slow=2)
def a_full_disk_may_drop_whole_lines_and_counts_them(c):
    disk = small_disk(c, '1m')
    count = 300_000
    d = c.daemon(c.program('w', f' lines {count}', f'stdout_logfile={disk}/out', 'startsecs=0',
                           'stdout_logfile_maxbytes=0', 'autorestart=false', 'stdout_overflow=drop'))
    d.wait_state('w', 'EXITED')  # the exit does not wait for the disk
    os.rename(f'{disk}/out', f'{disk}/moved')
    first = read_file(f'{disk}/moved')
    os.truncate(f'{disk}/moved', 0)
    p = d.wait_process(
        'w', lambda p: p['stdout']['buffered'] == 0, 'the backlog is written')
    o = p['stdout']
    same(o['read'], sum(len(f'line {i}\n') for i in range(1, count + 1)), 'read')
    same(o['read'], o['written'] + o['dropped'], 'written and dropped')
    check(o['dropped'] > 1_000_000, o)
    told = sum(int(re.search(r'stdout: (\d+) bytes dropped', line).group(1))
               for line in d.lines('bytes dropped (stdout_overflow=drop)'))
    same(told, o['dropped'], 'bytes that the log tells of')
    numbers = [int(re.fullmatch(r'line (\d+)', line).group(1)) for line in first.splitlines()[:-1]]
    same(numbers, sorted(numbers), 'order')


@story(nobody=True)
def a_stdout_without_a_reader_holds_up_no_program(c):
    r, w = os.pipe()
    fcntl.fcntl(w, fcntl.F_SETPIPE_SZ, 4096)
    d = c.daemon(c.program('loud', ' lines 50000', 'stdout_logfile=/dev/fd/9', 'startsecs=0',
                           'stdout_logfile_maxbytes=0', 'autorestart=false')
                 + c.program('calm', ' sleep', 'startsecs=0'), start=False)
    d.start(preexec=lambda: os.dup2(w, 9), pass_fds=(9,))
    os.close(w)
    d.wait_state('calm', 'RUNNING')
    began = time.monotonic()
    for _ in range(20):
        d.order('calm', 'restart')
        check(d.answers(), 'it answers')
    check(time.monotonic() - began < c.patience / 3, 'restarts go on')
    same(d.process('loud')['state'], 'RUNNING', 'the loud one waits')
    found = []

    def read_all():
        while block := os.read(r, 4096):
            found.append(block)
            time.sleep(.005)  # it is behind when the daemon ends
    reader = threading.Thread(target=read_all)
    reader.start()
    d.wait_state('loud', 'EXITED')
    d.stop()
    reader.join(c.patience)
    os.close(r)
    same(b''.join(found), b''.join(b'line %d\n' % i for i in range(1, 50001)), 'what arrived')


@story(nobody=True)
def an_order_rotates_logs(c):
    d = c.daemon(c.program('w', ' echo', f'stdout_logfile={c.path("out")}', 'startsecs=0')
                 + c.program('none', ' sleep', 'stdout_logfile=NONE', 'redirect_stderr=true'))
    d.wait_state('w', 'RUNNING')
    d.order('w', 'stdin', 204, data='one\n')
    d.wait_worker_log('w', 'one\n')
    d.post('/v1/logs/w/rotate', {})
    c.wait(lambda: read_file(c.path('out.1')) == 'one\n', 'it is rotated')
    same(read_file(c.path('out')), '', 'the new file')
    d.post('/v1/logs/none/rotate', {}, status=409)
    d.order('w', 'stdin', 204, data='two\n')
    c.wait(lambda: read_file(c.path('out')) == 'two\n', 'it goes on')
    has(d.log(), 'order: rotate the logs of w', 'main log')


@story(nobody=True)
def a_follower_resumes_by_offset_across_rotations(c):
    """Clients that come and go while the log is rotated: each resumes where the last one ended."""
    count = 60_000
    d = c.daemon(c.program('w', f' lines {count}', f'stdout_logfile={c.path("out")}', 'startsecs=0',
                           'stdout_logfile_maxbytes=30KB', 'stdout_logfile_backups=60',
                           'stdout_compress=gzip', 'autorestart=false', 'autostart=false'))
    d.order('w', 'start', wait=False, status=202)
    size = sum(len(b'line %d\n' % i) for i in range(1, count + 1))
    c.wait(lambda: os.path.exists(c.path('out')), 'there is a log')
    got = b''
    while len(got) < size:
        k = UnixConnection(d.socket, c.patience)
        k.request('GET', f'/v1/logs/w/stdout?offset={len(got)}&follow=1')
        r = k.getresponse()
        if r.status == 503:  # rotated while it was looked for
            k.close()
            continue
        same(r.status, 200, 'status')
        same(int(r.headers['X-Log-Offset']), len(got), 'offset')
        got += r.read1(50_000) if len(got) % 3 else r.read(min(50_000, size - len(got)))
        k.close()
    same(got, b''.join(b'line %d\n' % i for i in range(1, count + 1)), 'what was followed')
    same(d.get('/v1/logs/w/stdout?offset=0').body, got, 'all of it')


@story(nobody=True)
def a_follower_whose_place_is_gone_is_ended(c):
    """Of one backup only: what a slow reader has not read yet is removed, and its answer ends there."""
    count = 200_000
    d = c.daemon(c.program('w', f' lines {count}', f'stdout_logfile={c.path("out")}', 'startsecs=0',
                           'stdout_logfile_maxbytes=30KB', 'stdout_logfile_backups=1',
                           'autorestart=false', 'autostart=false'))
    d.order('w', 'start', wait=False, status=202)
    c.wait(lambda: os.path.exists(c.path('out')), 'there is a log')
    k = UnixConnection(d.socket, c.patience)
    k.request('GET', '/v1/logs/w/stdout?tail=0&follow=1')
    r = k.getresponse()
    same(r.status, 200, 'status')
    d.wait_state('w', 'EXITED')
    at = int(r.headers['X-Log-Offset'])
    text = b''.join(b'line %d\n' % i for i in range(1, count + 1))
    got = b''
    while more := r.read1(1 << 20):
        got += more
        if at + len(got) == len(text):
            break
    same(text[at:at + len(got)], got, 'what came before its end')
    k.close()
