"""supervisorctl tail: lines of many logs, whatever happens to their files and to the daemon."""
import contextlib
import gzip
import os
import re
import select
import signal
import subprocess
import time
import xmlrpc.client

from e2elib import Answer, UnixConnection, check, has, lacks, read_file, same, story, write_file


@contextlib.contextmanager
def tail(c, d, *words):
    """Runs a following supervisorctl with its output in a file; it is interrupted at the end."""
    path = c.path('tail.out')
    with open(path, 'wb') as out, open(c.path('tail.err'), 'wb') as err:
        p = subprocess.Popen([f'{c.options.bin}/supervisorctl', '-c', d.conf, 'tail', *words],
                             stdin=subprocess.DEVNULL, stdout=out, stderr=err)
    try:
        yield path
        check(p.poll() is None, 'it follows')
        p.send_signal(signal.SIGINT)
        same(p.wait(c.patience), 0, 'exit code')
    finally:
        if p.poll() is None:
            p.kill()
            p.wait()


def by_name(path):
    """The lines of each log, in their order."""
    logs = {}
    with open(path, 'rb') as f:
        for line in f.read().decode().splitlines():
            name, mark, text = re.fullmatch(r'(\S+) *([|!]) (.*)', line).groups()
            logs.setdefault(name + ('' if mark == '|' else '!'), []).append(text)
    return logs


def numbers(first, last):
    return [f'line {i}' for i in range(first, last + 1)]


def is_in(path, text):
    return lambda: text in read_file(path)


@story(nobody=True, slow=2)
def a_follower_of_all_misses_no_line_and_sees_none_twice(c):
    """Several writers at full speed, rotated and compressed while they are followed."""
    writers, count = 5, 30_000 if c.asan else 150_000
    d = c.daemon(''.join(
        c.program(f'w{i}', f' lines {count}', f'stdout_logfile={c.path(f"out{i}")}', 'startsecs=0',
                  'stdout_logfile_maxbytes=150KB', 'stdout_logfile_backups=50',
                  'stdout_compress=gzip', 'autorestart=false', 'autostart=false')
        for i in range(writers))
        + c.program('calm', ' lines 1', 'startsecs=0', 'autorestart=false'))
    d.wait_state('calm', 'EXITED')
    d.wait_worker_log('calm', 'line 1\n')
    with tail(c, d, '-f', '-n', '1', 'all') as out:
        c.wait(is_in(out, 'calm | line 1\n'), 'it follows')
        for i in range(writers):
            d.order(f'w{i}', 'start', wait=False, status=202)
        total = writers * sum(len(f'wx   | line {i}\n') for i in range(1, count + 1))
        c.wait(lambda: os.path.getsize(out) >= total, 'all of it came',
               lambda: f'{os.path.getsize(out)} of {total}; {read_file(c.path("tail.err"))}')
    logs = by_name(out)
    same(logs.pop('calm'), ['line 1'], 'what was there')
    same(sorted(logs), [f'w{i}' for i in range(writers)], 'logs that were followed')
    for name, got in logs.items():
        check(got == numbers(1, count), f'{name}: each line once, in order')
    same(read_file(c.path('tail.err')), '', 'complaints')


def chatty(c, count=3000, delay=2, more=()):
    return c.program('w', f' lines {count} {delay}', f'stdout_logfile={c.path("out")}', 'startsecs=0',
                     'stdout_logfile_maxbytes=4KB', 'stdout_logfile_backups=60', 'autorestart=false',
                     *more)


@story(nobody=True)
def the_last_lines_are_found_in_rotated_and_compressed_files(c):
    d = c.daemon(chatty(c, 2000, 0, ['stdout_compress=gzip'])
                 + c.program('both', "/bin/sh -c 'echo out; echo err >&2; exec sleep 1000'")
                 + c.program('none', ' sleep', 'stdout_logfile=NONE', 'redirect_stderr=true'))
    d.wait_state('w', 'EXITED')
    d.wait_worker_log('both', 'out\n')
    d.wait_worker_log('both', 'err\n', 'stderr')
    c.wait(lambda: any(f.endswith('.gz') for f in os.listdir(c.dir)), 'something is compressed')
    got = d.ctl('tail', '-n', '1500', '--no-prefix', 'w')
    same(got, (0, ''.join(f'line {i}\n' for i in range(501, 2001)), ''), '-n 1500')
    got = d.ctl('tail', '-n2', 'w', 'both')
    same(got[1], 'w    | line 1999\nw    | line 2000\nboth | out\nboth ! err\n', 'two')
    same(d.ctl('tail', '--stderr', 'both')[1], 'both ! err\n', '--stderr')
    same(d.ctl('tail', '-n', '5', 'both', 'stdout')[1], 'both | out\n', 'the channel behind')
    got = d.ctl('tail', '--grep', 'line (7|70|700)$', '--no-prefix', 'w')
    same(got, (0, 'line 7\nline 70\nline 700\n', ''), '--grep')
    same(d.ctl('tail', '--grep=^line .*00$', '-n', '2', 'w')[1], 'w | line 1900\nw | line 2000\n',
         'the last that match')
    same(d.ctl('tail', 'none', '-n', '1'), (1, 'none: ERROR (no log file)\n', ''), 'no log')
    same(d.ctl('tail', 'w', '-n', '1', 'nosuch')[:2],
         (1, 'nosuch: ERROR (no such process)\nw | line 2000\n'), 'one that is not there')


@story(nobody=True)
def wrong_options_are_refused_by_name(c):
    d = c.daemon(chatty(c, 1))
    for words, code, said in (
            (['--grep', 'a(', 'w'], 2, "--grep: 'a(' is no extended regular expression: "),
            (['--since', 'tomorrow', 'w'], 2, "(10m, 2h, 1d)"),
            (['--since'], 2, '--since wants TIME'),
            (['-n', 'many', 'w'], 2, "not 'many'"),
            (['--bogus', 'w'], 2, 'tail has no option --bogus'),
            (['--stdout=1', 'w'], 2, '--stdout takes no value'),
            (['-f', '-100', 'w'], 2, 'here it is lines: -n 100'),
            (['-n', '3'], 2, 'tail wants names'),
            (['w', 'nosuch'], 1, "Error: bad channel 'nosuch'"),
            (['-x', 'w'], 1, 'Error: bad argument -x')):
        got = d.ctl('tail', *words)
        same(got[0], code, f'exit code of tail {words}: {got}')
        has(got[1], said, f'tail {words}')


@story(nobody=True)
def a_time_is_found_by_stamps_or_by_files(c):
    d = c.daemon(chatty(c, 40, 100, ['stdout_format=text'])
                 + c.program('raw', ' lines 200', f'stdout_logfile={c.path("raw")}', 'startsecs=0',
                             'autorestart=false', 'stdout_logfile_maxbytes=500',
                             'stdout_logfile_backups=9'))
    d.wait_state('w', 'EXITED')
    d.wait_state('raw', 'EXITED')
    c.wait(lambda: d.get('/v1/logs/raw/stdout?lines=1').body == b'line 200\n', 'raw is whole')
    c.wait(lambda: b'line 40\n' in d.get('/v1/logs/w/stdout?lines=1').body, 'w is whole')
    whole = d.get('/v1/logs/w/stdout?offset=0').body.decode().splitlines()
    same(len(whole), 40, 'lines')
    stamp = whole[25].split()[0]
    first = next(i for i, x in enumerate(whole) if x.split()[0] == stamp)  # on a busy machine others have it, too
    got = d.ctl('tail', '--no-prefix', '--since', stamp, 'w')
    same(got, (0, ''.join(x + '\n' for x in whole[first:]), ''), '--since a stamp')
    same(d.ctl('tail', '--no-prefix', '--since', '1h', '-n', '3', 'w')[1],
         ''.join(x + '\n' for x in whole[-3:]), '--since and -n')
    same(d.ctl('tail', '--since', '2099-01-01T00:00:00Z', 'w'), (0, '', ''), 'the future')
    files = ['raw'] + [f'raw.{i}' for i in (1, 2)]
    for age, f in zip((0, 100, 4000), files):
        at = os.stat(c.path('raw')).st_mtime - age
        os.utime(c.path(f), (at, at))
    got = d.ctl('tail', '--no-prefix', '--since', '10m', 'raw')
    same((got[0], got[1]), (0, read_file(c.path('raw.1')) + read_file(c.path('raw'))), 'raw')
    has(got[2], 'its lines carry no time', 'what it says of it')


@story(nobody=True)
def tail_follows_added_processes_and_drops_removed_ones(c):
    d = c.daemon(c.program('web', ' lines 1', 'process_name=%(program_name)s_%(process_num)d',
                           'startsecs=0', 'autorestart=false', 'numprocs_max=5',
                           f'stdout_logfile={c.path("web_%(process_num)d")}')
                 + c.program('other', ' lines 1', 'startsecs=0', 'autorestart=false'))
    d.wait_all('EXITED', 2)
    with tail(c, d, '-f', 'web:*') as out:
        c.wait(is_in(out, 'web:web_0 | line 1\n'), 'the first')
        d.post('/v1/programs/web/scale', {'replicas': 3})
        c.wait(is_in(out, 'web:web_2 | line 1\n'), 'the third')
        c.wait(is_in(out, 'web:web_1 | line 1\n'), 'the second')
        d.post('/v1/programs/web/scale', {'replicas': 1})
        d.order('web:web_0', 'start', wait=False, status=202)
        c.wait(lambda: read_file(out).count('web:web_0 | line 1\n') == 2, 'the first again')
    lacks(read_file(out), 'other', 'output')
    same(read_file(c.path('tail.err')), '', 'complaints')


@story(nobody=True)
def an_added_process_is_followed_by_its_name_and_not_as_a_pattern(c):
    d = c.daemon(''.join(c.program(name, ' lines 1', 'startsecs=0', 'autorestart=false',
                                   f'stdout_logfile={c.path("out." + str(i))}', 'stderr_logfile=NONE')
                         for i, name in enumerate(('w?', 'wx', 'p[0]', 'p0', 'q1')))
                 + c.program('z', ' lines 1', 'process_name=%(program_name)s_%(process_num)d', 'startsecs=0',
                             'autorestart=false', 'numprocs_max=5', f'stdout_logfile={c.path("z_%(process_num)d")}'))
    d.wait_all('EXITED', 6)
    with tail(c, d, '-f', 'w?', 'p[0]', 'q*', 'z:*') as out:
        c.wait(is_in(out, 'z:z_0 | line 1\n'), 'it follows')
        d.post('/v1/programs/z/scale', {'replicas': 3})
        c.wait(is_in(out, 'z:z_1 | line 1\n'), 'the second')
        c.wait(is_in(out, 'z:z_2 | line 1\n'), 'the third')
    text = read_file(out)
    same([text.count(name + ' ') for name in ('w?', 'wx', 'p[0]', 'p0', 'q1')], [1, 0, 1, 0, 1], 'lines of each')


@story(nobody=True)
def an_offset_holds_though_another_program_renames_the_file(c):
    d = c.daemon(c.program('w', ' echo', f'stdout_logfile={c.path("out")}', 'startsecs=0'))
    d.wait_state('w', 'RUNNING')
    d.order('w', 'stdin', 204, data='one\n')
    d.wait_worker_log('w', 'one\n')
    life = d.get('/v1/logs/w/stdout').headers['X-Log-Life']
    k = UnixConnection(d.socket, c.patience)
    k.request('GET', '/v1/logs/w/stdout?offset=0&follow=1')
    r = k.getresponse()
    same(r.read(4), b'one\n', 'what is there')
    os.rename(c.path('out'), c.path('out.1'))
    write_file(c.path('out'), '')  # as logrotate's `create`, without its signal
    d.order('w', 'stdin', 204, data='two\n')
    same(r.read(4), b'two\n', 'what comes')
    same(d.get('/v1/logs/w/stdout?offset=4').body, b'two\n', 'by offset')
    d.send(signal.SIGUSR2)
    d.wait_log('supervisord logreopen')
    d.order('w', 'stdin', 204, data='three\n')
    same(r.read(6), b'three\n', 'after the signal')
    k.close()
    same(d.get(f'/v1/logs/w/stdout?offset=2&life={life}').body, b'e\ntwo\nthree\n', 'all')
    os.rename(c.path('out'), c.path('elsewhere'))
    a = d.get('/v1/logs/w/stdout?offset=2')
    same((a.status, a.json()['code'], a.json()['offset']), (410, 'MOVED_AWAY', 14), 'of a file that was moved away')
    a = d.get(f'/v1/logs/w/stdout?offset=2&life={int(life, 16) ^ 1:016x}')
    same((a.status, a.json()['code'], a.json()['offset']), (410, 'GONE', 0), 'of another count')


@story(nobody=True)
def a_follower_goes_on_through_an_upgrade_and_a_death(c):
    """The count of a log is resumed by the next instance, and so is a client that follows by it."""
    count, seen = 6000, []
    d = c.daemon(chatty(c, count, 1, ['stdout_compress=gzip', 'autostart=false'])
                 + c.program('calm', ' lines 1', 'startsecs=0', 'autorestart=false'))
    d.wait_state('calm', 'EXITED')
    d.wait_worker_log('calm', 'line 1\n')
    with tail(c, d, '-f', '-n', '1', 'all') as out:
        c.wait(is_in(out, 'calm | line 1\n'), 'it follows')
        d.order('w', 'start', wait=False, status=202)
        c.wait(lambda: by_name(out).get('w', [])[100:], 'it writes')
        d.post('/v1/upgrade', status=202)
        d.wait_log('supervisord started with pid', 2)
        c.wait(d.answers, 'the next image answers')
        seen.append(len(by_name(out)['w']))
        c.wait(lambda: len(by_name(out)['w']) > seen[0] + 200, 'it goes on')
        d.kill()
        d.start()
        seen.append(len(by_name(out)['w']))
        c.wait(lambda: len(by_name(out)['w']) >= count, 'all of it came',
               lambda: f'{len(by_name(out)["w"])} lines; {read_file(c.path("tail.err"))}')
    same(by_name(out)['w'], numbers(1, count), 'what came')
    check(seen[1] < count, 'it was not at its end by then')
    lacks(read_file(c.path('tail.err')), 'counted anew', 'complaints')


@story(nobody=True)
def a_disk_that_hangs_while_logs_are_read_holds_up_no_other_client(c):
    c.use_fault_points()
    d = c.daemon(c.program('w', ' echo', f'stdout_logfile={c.path("out")}', 'startsecs=0'))
    d.stop()
    d.start(env={**os.environ, 'SUPERVISORD_FAULT': 'log-disk-hangs'})
    d.wait_state('w', 'RUNNING')
    try:
        d.rpc().readProcessStdoutLog('w', 0, 100)
        check(False, 'a log was read')
    except xmlrpc.client.Fault as e:
        has(e.faultString, 'FAILED: the disk with the log has not answered for five seconds', 'the fault')
    waiting = []

    def ask(path):
        k = UnixConnection(d.socket, c.patience)
        k.request('GET', path)
        waiting.append(k)
        return k

    for path in ('/v1/logs/w/stdout?follow=1', '/logtail/w', '/tail.html?processname=w',
                 '/v1/logs/w/stdout', '/mainlogtail'):
        ask(path)
    for _ in range(70):  # with three of those above; 64 may wait
        ask('/v1/logs/w/stdout?lines=1')

    def refused():
        return select.select([k.sock for k in waiting], [], [], 0)[0]

    c.wait(lambda: len(refused()) >= 9, 'some are refused', lambda: len(refused()))
    told = [k for k in waiting if k.sock in refused()]
    codes = [Answer(k.getresponse()).status for k in told]
    same(codes.count(503), 9, f'those that are too many, of {codes}')
    same(codes.count(504), len(codes) - 9, f'those that have waited long enough, of {codes}')
    check(d.answers(), 'it answers meanwhile')
    old = d.process('w')['pid']
    d.order('w', 'restart')
    check(d.wait_state('w', 'RUNNING')['pid'] != old, 'it starts and stops meanwhile')
    same(d.rpc().getState()['statename'], 'RUNNING', 'XML-RPC')
    rest = [k for k in waiting if k not in told]
    c.wait(lambda: all(k.sock in refused() for k in rest), 'everybody is told', lambda: len(refused()))
    same({Answer(k.getresponse()).status for k in rest}, {504}, 'clients that waited for the disk')
    for k in waiting:
        k.close()
    check(d.answers(), 'it answers when they have gone')


def zeros_gz(path, gigabytes):
    """So much, compressed: the same member again and again."""
    one = gzip.compress(bytes(100_000_000), 9)
    with open(path, 'wb') as f:
        for _ in range(gigabytes * 10):
            f.write(one)


def sparse(path, head, bits):
    """As large as the file system takes it, and without an end of a line."""
    with open(path, 'wb') as f:
        f.write(head)
        while True:
            try:
                f.truncate((1 << bits) - 65536)
                return
            except OSError:
                bits -= 1


@story(slow=2, nobody=True)
def a_log_without_an_end_holds_up_neither_other_logs_nor_itself(c):
    names = ('huge', 'line', 'zeros')
    sparse(c.path('huge.log'), b'', 44)
    sparse(c.path('line.log'), b'x' * 100_000, 36)
    zeros_gz(c.path('zeros.log.1.gz'), 10)
    write_file(c.path('zeros.log'), 'new\n')
    d = c.daemon(''.join(c.program(name, ' sleep', 'startsecs=0', 'stdout_logfile_maxbytes=0',
                                   f'stdout_logfile={c.path(name + ".log")}') for name in names) +
                 c.program('good', ' lines 3', 'startsecs=0', 'autorestart=false'))
    d.wait_worker_log('good', 'line 3\n')

    def ask(path):
        k = UnixConnection(d.socket, c.patience)
        k.request('GET', path)
        return k

    follow = ask('/v1/logs/good/stdout?follow=1&lines=0')
    same(follow.getresponse().status, 200, 'a client that follows')
    begin = time.monotonic()
    long = [ask(f'/v1/logs/{name}/stdout?since=1h{more}') for name in names for more in ('', '&follow=1')]
    for _ in range(3):
        has(d.get('/v1/logs/good/stdout?lines=1').body.decode(), 'line 3', 'another log meanwhile')
    has(d.ctl('tail', 'good')[1], 'line 3', 'by XML-RPC')
    d.order('good', 'start')
    c.wait(lambda: select.select([follow.sock], [], [], 0)[0], 'what is followed goes on')
    waiting = len(long) - len(select.select([k.sock for k in long], [], [], 0)[0])
    check(waiting > 0, 'none of the long ones was waited for')
    for k in long:
        a = k.getresponse()
        check(a.status in (200, 504), f'refused or answered: {a.status}')
        if a.status == 504:
            has(a.read().decode(), 'longer than four seconds', 'reason')
        k.close()
    check(time.monotonic() - begin < 4 + c.patience / 2, 'within their time')
    for _ in range(3):  # more than may wait: those who leave make room
        gone = [ask(f'/v1/logs/{name}/stdout?since=1h') for name in names for _ in range(20)]
        for k in gone:
            k.close()
        c.wait(lambda: d.get('/v1/logs/good/stdout?lines=1').status == 200, 'there is room again')
    code, out, err = d.ctl('tail', '--since', '1h', 'huge')
    check(code != 0, 'the client says so')
    has(out + err, 'longer than four seconds', 'what it says')
    follow.close()
    ask('/v1/logs/huge/stdout?since=1h')  # and the end does not wait for it
    d.stop()
