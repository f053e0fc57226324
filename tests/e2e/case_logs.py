"""What workers say, to the last byte."""
import contextlib
import glob
import json
import os
import re
import signal
import sys

from e2elib import (Skipped, UnixConnection, check, has, lacks, mount_tmpfs, read_file, same,
                    story, write_file)


def lines(count):
    return ''.join(f'line {i}\n' for i in range(1, count + 1))


def size_is(c, path, size):
    c.wait(lambda: os.path.exists(path) and os.path.getsize(path) == size, f'{path} has {size} bytes',
           lambda: os.path.getsize(path) if os.path.exists(path) else 'it is not there')


@story(slow=2)
def a_hundred_megabytes_without_a_newline_arrive_whole(c):
    size = 10_000_000 if c.asan else 100_000_000
    d = c.daemon(c.program('w', f' flood {size}', f'stdout_logfile={c.path("out")}',
                           'stdout_logfile_maxbytes=0', 'startsecs=0')
                 + c.program('calm', ' sleep', 'startsecs=0'))
    check(d.answers(), 'it answers meanwhile')
    size_is(c, c.path('out'), size)
    p = d.wait_process('w', lambda p: p['stdout']['written'] == size, 'has written it all')
    same((p['stdout']['read'], p['stdout']['dropped']), (size, 0), 'read, dropped')
    with open(c.path('out'), 'rb') as f:
        while block := f.read(1 << 20):
            check(block.count(b'x') == len(block), 'it is as it was written')
    d.stop()
    os.unlink(c.path('out'))


@story(nobody=True)
def rotation_loses_nothing(c):
    d = c.daemon(c.program('w', ' lines 30000', f'stdout_logfile={c.path("out")}',
                           'stdout_logfile_maxbytes=40KB', 'stdout_logfile_backups=40',
                           'startsecs=0', 'autorestart=false'))
    d.wait_state('w', 'EXITED')
    text = lines(30000)
    d.wait_process('w', lambda p: p['stdout']['written'] == len(text), 'has written it all')
    files = sorted(glob.glob(c.path('out.*')), key=lambda f: -int(f.rsplit('.', 1)[1]))
    check(len(files) >= 5, f'{len(files)} backups')
    found = ''.join(map(read_file, files)) + read_file(c.path('out'))
    check(found == text, 'all of it is there, in order')
    check(d.process('w')['stdout']['rotations'] == len(files), 'rotations are counted')


@story(nobody=True)
def only_so_many_backups_are_kept(c):
    d = c.daemon(c.program('w', ' lines 30000', f'stdout_logfile={c.path("out")}',
                           'stdout_logfile_maxbytes=10KB', 'stdout_logfile_backups=2',
                           'startsecs=0', 'autorestart=false')
                 + c.program('none', ' lines 30000', f'stdout_logfile={c.path("none")}',
                             'stdout_logfile_maxbytes=10KB', 'stdout_logfile_backups=0',
                             'startsecs=0', 'autorestart=false'))
    for name in ('w', 'none'):
        d.wait_state(name, 'EXITED')
        d.wait_process(name, lambda p: p['stdout']['written'] == len(lines(30000)), 'wrote it all')
    same(sorted(os.path.basename(f) for f in glob.glob(c.path('out*'))), ['out', 'out.1', 'out.2'],
         'files')
    same(glob.glob(c.path('none.*')), [], 'backups of the other')
    check(lines(30000).endswith(read_file(c.path('out.1')) + read_file(c.path('out'))), 'the newest')


@story(nobody=True)
def generated_names_are_cleaned_up_at_the_next_start(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'), supervisord='identifier=me')
    d.wait_worker_log('w', 'ready')
    path = d.process('w')['stdout']['logfile']
    check(re.fullmatch(re.escape(d.dir) + r'/w-stdout---me-[a-z0-9_]{8}\.log', path), path)
    same(os.stat(path).st_mode & 0o777, 0o600, 'mode')
    d.stop()
    check(os.path.exists(path), 'it stays after the end')
    d.start()
    check(not os.path.exists(path), 'it is gone after the next start')


@story(nobody=True)
def stderr_goes_where_it_is_told_to(c):
    say = "/bin/sh -c 'echo out; echo err >&2; exec sleep 1000'"
    d = c.daemon(c.program('both', say, 'redirect_stderr=true', f'stdout_logfile={c.path("both")}')
                 + c.program('two', say, f'stdout_logfile={c.path("o")}', f'stderr_logfile={c.path("e")}')
                 + c.program('none', say, 'stdout_logfile=NONE', 'stderr_logfile=NONE'))
    c.wait(lambda: read_file(c.path('both')) == 'out\nerr\n', 'both in one')
    c.wait(lambda: (read_file(c.path('o')), read_file(c.path('e'))) == ('out\n', 'err\n'), 'two')
    p = d.wait_state('none', 'RUNNING')
    same((p['stdout'], p['stderr']), (None, None), 'logs of none')


@story(nobody=True)
def the_daemons_own_stdout_can_be_a_log(c):
    d = c.daemon(c.program('w', "/bin/sh -c 'echo to stdout; echo to stderr >&2; exec sleep 1000'",
                           'stdout_logfile=/dev/stdout', 'stderr_logfile=/dev/stderr'),
                 supervisord='silent=true')
    c.wait(lambda: read_file(d.out) == 'to stdout\n', 'it is on stdout', lambda: read_file(d.out))
    c.wait(lambda: read_file(d.err) == 'to stderr\n', 'it is on stderr', lambda: read_file(d.err))


@story(nobody=True)
def usr2_reopens_all_logs_and_loses_nothing(c):
    d = c.daemon(c.program('w', ' lines 3000 1', f'stdout_logfile={c.path("out")}', 'startsecs=0',
                           'autorestart=false'))
    c.wait(lambda: 'line 50\n' in read_file(c.path('out')), 'it writes')
    os.rename(c.path('out'), c.path('out.old'))
    os.rename(d.logfile, d.logfile + '.old')
    d.send(signal.SIGUSR2)
    c.wait(lambda: os.path.exists(c.path('out')), 'the new file is there')
    d.wait_state('w', 'EXITED')
    d.wait_process('w', lambda p: p['stdout']['written'] == len(lines(3000)), 'wrote it all')
    found = read_file(c.path('out.old')) + read_file(c.path('out'))
    check(found == lines(3000), 'all of it is there, in order')
    d.wait_log('exited: w')
    has(read_file(d.logfile + '.old'), 'received SIGUSR2 indicating log reopen request', 'old log')
    lacks(read_file(d.logfile + '.old'), 'exited: w', 'old log')


@story(nobody=True)
def a_log_can_be_read_and_followed(c):
    d = c.daemon(c.program('w', ' echo', 'startsecs=0'))
    d.wait_all('RUNNING', 1)
    d.order('w', 'stdin', 204, data='one\ntwo\nthree\n')
    d.wait_worker_log('w', 'three\n')
    same(d.get('/v1/logs/w/stdout').body, b'one\ntwo\nthree\n', 'all')
    a = d.get('/v1/logs/w/stdout?tail=6')
    same((a.body, a.headers['X-Log-Offset']), (b'three\n', '8'), 'tail')
    same(d.get('/v1/logs/w/stdout?lines=2').body, b'two\nthree\n', 'lines')
    same(d.get('/v1/logs/w/stdout?offset=4&lines=1').status, 400, 'status')
    same(d.get('/v1/logs/absent/stdout').status, 404, 'status')
    has(d.get('/v1/logs/main').body.decode(), 'supervisord started with pid', 'main log')
    k = UnixConnection(d.socket, c.patience)
    k.request('GET', '/v1/logs/w/stdout?tail=6&follow=1')
    r = k.getresponse()
    same(r.read(6), b'three\n', 'what is there')
    d.order('w', 'stdin', 204, data='four\n')
    same(r.read(5), b'four\n', 'what comes')
    k.close()
    same(d.rpc().tailProcessStdoutLog('w', 0, 5), ['four\n', 19, True], 'tailProcessStdoutLog')


@story(nobody=True)
def output_after_the_exit_of_a_worker_is_still_logged(c):
    d = c.daemon(c.program('w', "/bin/sh -c '(sleep 0.5; echo late) & echo early'", 'startsecs=0',
                           'autorestart=false'))
    d.wait_state('w', 'EXITED')
    d.wait_worker_log('w', 'early\n')
    d.wait_worker_log('w', 'late\n')


@story(root=True, slow=2)
def a_full_disk_holds_up_the_log_and_loses_nothing(c):
    disk = c.path('disk')
    os.mkdir(disk)
    try:
        mount_tmpfs(disk, '1m')
    except OSError as e:
        raise Skipped(f'cannot mount a tmpfs: {e}')
    c.mounts.append(disk)
    count = 60000  # more than pipes hold
    d = c.daemon(c.program('w', f' lines {count}', f'stdout_logfile={disk}/out', 'autostart=false',
                           'stdout_logfile_maxbytes=0', 'startsecs=0', 'autorestart=false')
                 + c.program('calm', ' sleep', 'startsecs=0'))
    with open(f'{disk}/filler', 'wb') as f:
        try:
            while True:
                f.write(b'f' * 65536)
                f.flush()
        except OSError:
            pass
    d.order('w', 'start', None)
    d.wait_log("log of 'w' stdout")
    has(d.lines("log of 'w' stdout")[0], 'No space left on device', 'main log')
    p = d.process('w')
    same(p['state'], 'RUNNING', 'the worker goes on waiting')
    d.order('calm', 'restart')
    same(d.process('w')['stdout']['dropped'], 0, 'dropped')
    os.unlink(f'{disk}/filler')
    d.wait_state('w', 'EXITED')
    size_is(c, f'{disk}/out', len(lines(count)))
    check(read_file(f'{disk}/out') == lines(count), 'every byte is there')
    d.wait_log("log of 'w' stdout is written again")


@story(nobody=True)
def the_main_log_is_rotated(c):
    d = c.daemon(c.program('w', ' exit 1', 'startsecs=0', 'autorestart=true', 'restart_delay=0'),
                 supervisord='logfile_maxbytes=20KB\nlogfile_backups=2')
    c.wait(lambda: os.path.exists(d.logfile + '.2'), 'there are two backups')
    d.order('w', 'stop', None)
    d.wait_state('w', ('STOPPED', 'EXITED'))
    check(not os.path.exists(d.logfile + '.3'), 'and no third')
    for path in (d.logfile + '.1', d.logfile + '.2'):
        check(20 << 10 <= os.path.getsize(path) <= 22 << 10, f'size of {path}')


@story(nobody=True)
def a_log_that_cannot_be_opened_fails_the_start_with_a_reason(c):
    d = c.daemon(c.program('w', ' sleep', f'stdout_logfile={c.path("dir")}', 'startretries=0',
                           'autostart=false'))
    os.mkdir(c.path('dir'))
    d.order('w', 'start', None)
    p = d.wait_state('w', 'FATAL')
    same(p['spawn_error'], "unknown error making dispatchers for 'w': EISDIR", 'spawn_error')
    d.wait_log(f"no log for 'w': open {c.path('dir')}: Is a directory")
    same(d.lines('spawned:'), [], 'nothing was started')


@story(nobody=True)
def a_program_whose_log_cannot_be_opened_is_not_started(c):
    """Not for an instant, and not among other programs that start."""
    os.mkdir(c.path('dir'))
    d = c.daemon(c.program('good', ' sleep', 'numprocs=30', 'process_name=%(process_num)d',
                           f'stdout_logfile={c.path("out")}-%(process_num)d', 'startsecs=0')
                 + c.program('bad', ' sleep', 'numprocs=2',
                             'process_name=%(process_num)d', 'startretries=2',
                             'restart_delay=50ms', f'stdout_logfile={c.path("dir")}'))
    for name in ('bad:0', 'bad:1'):
        p = d.wait_state(name, 'FATAL')
        same(p['spawn_error'], f"unknown error making dispatchers for '{p['process']}': EISDIR", 'reason')
    d.wait_all('RUNNING', 30)
    same(len(d.lines('spawned:')), 30, 'what was started')


@story(nobody=True)
def every_byte_value_survives(c):
    write_file(c.path('say.sh'), "printf '\\000\\001\\033[31mred\\377\\r\\nend\\n'; exec sleep 1000\n")
    d = c.daemon(c.program('w', f'/bin/sh {c.path("say.sh")}', f'stdout_logfile={c.path("out")}'))
    size_is(c, c.path('out'), 17)
    with open(c.path('out'), 'rb') as f:
        same(f.read(), b'\0\1\x1b[31mred\xff\r\nend\n', 'bytes')
    d.wait_state('w', 'RUNNING')


@story(nobody=True)
def an_output_without_a_log_costs_no_pipe_until_it_has_one(c):
    def conf(log):
        return c.program('w', "/bin/sh -c 'echo out; exec sleep 1000'", 'startsecs=0',
                         f'stdout_logfile={log}', 'stderr_logfile=NONE')
    d = c.daemon(conf('NONE'))
    pid = d.wait_state('w', 'RUNNING')['pid']
    same([os.readlink(f'/proc/{pid}/fd/{n}') for n in (1, 2)], ['/dev/null'] * 2, 'its outputs')
    same(d.apply(conf(c.path('out')))['w']['action'], 'restart', 'what it takes')
    c.wait(lambda: read_file(c.path('out')) == 'out\n', 'a new one writes to the file')
    pid = d.process('w')['pid']
    check(os.readlink(f'/proc/{pid}/fd/1').startswith('pipe:'), 'it has a pipe')
    same(d.apply(conf('NONE'))['w']['action'], 'live', 'what it takes to want it no more')
    same(d.process('w')['pid'], pid, 'the pid, when it is wanted no more')


@story()
def a_pipe_serves_one_run_after_the_other(c):
    with open(c.path('w.py'), 'w') as f:
        f.write('import fcntl, os\n'
                'flags = fcntl.fcntl(1, fcntl.F_GETFL)\n'
                'print(os.fstat(1).st_ino, flags & os.O_NONBLOCK, flush=True)\n'
                'fcntl.fcntl(1, fcntl.F_SETFL, flags | os.O_NONBLOCK)\n')
    d = c.daemon(c.program('w', f'{sys.executable} {c.path("w.py")}', 'startsecs=0',
                           'autorestart=true', 'restart_delay=10ms', 'restart_reset=0',
                           f'stdout_logfile={c.path("out")}'))
    c.wait(lambda: read_file(c.path('out')).count('\n') >= 4, 'it has run some times')
    d.order('w', 'stop')
    ran = read_file(c.path('out')).splitlines()
    same({line.split()[1] for line in ran}, {'0'}, 'no worker inherits what another has set')
    same(len({line.split()[0] for line in ran}), 1, 'pipes')
    c.wait(lambda: not pipes_of(d.pid) & {ran[0].split()[0]}, 'it is closed')


def pipes_of(pid):
    found = set()
    for fd in os.listdir(f'/proc/{pid}/fd'):
        with contextlib.suppress(OSError):
            found.add(os.readlink(f'/proc/{pid}/fd/{fd}').strip('pipe:[]'))
    return found


@story(nobody=True)
def a_capture_that_one_run_began_is_not_the_next_ones(c):
    begun = c.path('begun')
    say = (f'test -e {begun} && echo second && exec sleep 1000; touch {begun}; '
           'printf "first<!--XSUPERVISOR:BEGIN-->lost"')
    d = c.daemon(c.program('w', f"/bin/sh -c '{say}'", 'startsecs=0', 'autorestart=true',
                           'restart_delay=10ms', 'stdout_capture_maxbytes=1KB',
                           f'stdout_logfile={c.path("out")}'))
    c.wait(lambda: read_file(c.path('out')) == 'firstsecond\n', 'the second is heard')
    d.wait_process('w', lambda p: p['stdout']['dropped'] == len('lost'), 'what was lost is counted')


@story(nobody=True)
def a_long_line_of_json_is_parted_between_characters(c):
    script = write_file(c.path('w.py'), """import os, sys, time
for shift in range(4):
    data = ('x' * shift + '\\u20ac' * 250000 + '\\n').encode()
    while data:
        data = data[os.write(1, data):]
time.sleep(3600)
""")
    d = c.daemon(c.program('w', f'python3 {script}', 'startsecs=0', 'stdout_format=json', 'stdout_logfile_maxbytes=0',
                           f'stdout_logfile={c.path("w.log")}'))

    def messages():
        parts = [json.loads(x) for x in read_file(c.path('w.log')).splitlines(keepends=True) if x.endswith('\n')]
        return ''.join(x['message'] + ('' if x.get('partial') else '\n') for x in parts)
    want = ''.join('x' * shift + '\u20ac' * 250000 + '\n' for shift in range(4))
    c.wait(lambda: len(messages()) >= len(want), 'all of it', lambda: len(messages()))
    check(messages() == want, 'what was written')
    d.stop()
