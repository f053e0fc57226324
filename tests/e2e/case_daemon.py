"""The daemon's own life: how it starts, when it must not start, and how it restarts."""
import contextlib
import os
import re
import signal
import socket
import stat
import threading
import time

from e2elib import _libc, alive, check, descendants, free_port, has, lacks, read_file, same, story, write_file


@story(nobody=True)
def the_daemon_goes_into_the_background_and_writes_a_pidfile(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'), start=False)
    code, out, err = c.run_daemon('-c', d.conf)
    same((code, out, err), (0, '', ''), 'exit code, stdout, stderr')
    c.wait(lambda: read_file(d.pidfile).strip(), 'the pidfile is written')
    pid = int(read_file(d.pidfile))
    try:
        c.wait(d.answers, 'it answers')
        d.wait_all('RUNNING', 1)
        same(d.info()['pid'], pid, 'pid')
        same(os.getsid(pid), pid, 'session')
        check(all(os.readlink(f'/proc/{pid}/fd/{n}') == '/dev/null' for n in range(3)), '0, 1, 2')
        has(d.log(), f'supervisord started with pid {pid}', 'main log')
    finally:
        os.kill(pid, signal.SIGTERM)
        same(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, 'exit code')
    check(not os.path.exists(d.pidfile) and not os.path.exists(d.socket), 'all is cleaned up')


@story(nobody=True)
def in_the_foreground_its_log_is_on_stdout_unless_silent(c):
    for silent in (False, True):
        d = c.daemon(name=f's{silent}', supervisord='silent=true' if silent else '')
        d.stop()
        text = read_file(d.out)
        if silent:
            same(text, '', 'stdout')
        else:
            same(text, d.log(), 'stdout')
            check(re.match(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]{4} ', text), 'form')


@story(nobody=True)
def the_socket_and_pidfile_of_a_living_daemon_are_respected(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0', 'stdout_logfile=AUTO'))
    d.wait_all('RUNNING', 1)
    before = d.pids()
    log = d.processes()[0]['stdout']['logfile']
    code, out, err = c.run_daemon('-n', '-c', d.conf)
    same(code, 2, 'exit code')
    has(err, 'Another program is already listening', 'stderr')
    has(err, str(d.pid), 'stderr')
    other = c.path('other.conf')  # the same socket, another pidfile
    write_file(other, read_file(d.conf).replace('s.pid', 'other.pid').replace('main.log', 'o.log'))
    code, out, err = c.run_daemon('-n', '-c', other)
    same(code, 2, 'exit code')
    has(err, 'Another program is already listening', 'stderr')
    has(err, f'pid {d.pid}', 'stderr')
    check(not os.path.exists(f'{d.dir}/other.pid'), 'it leaves no pidfile')
    check(d.answers(), 'the first one still answers')
    same(d.pids(), before, 'pids')
    same(int(read_file(d.pidfile)), d.pid, 'pidfile')
    check(os.path.exists(log), "its workers' own logs are not cleaned away")


@story(nobody=True)
def auto_logs_of_a_living_daemon_are_not_removed_by_another(c):
    text = c.program('w', ' sleep', 'startsecs=0') + c.program('idle', ' sleep', 'autostart=false')
    shared = c.path('shared')
    os.mkdir(shared)
    daemons = [c.daemon(name=f'd{i}', start=False)
               for i in range(3)]

    def logs(d):
        return {p[s]['logfile'] for p in d.processes() for s in ('stdout', 'stderr')}

    for d in daemons:
        d.configure(text)
        write_file(d.conf, read_file(d.conf).replace(f'childlogdir={d.dir}', f'childlogdir={shared}'))
    first, second, third = daemons
    first.start()
    first.wait_all('RUNNING', 1)
    ours = logs(first)
    same(len(ours), 4, 'logs of two processes')
    second.start()
    theirs = logs(second)
    check(all(map(os.path.exists, ours)), 'logs of the first live, also those that are not open')
    second.kill()
    for p in descendants(os.getpid()):  # what it leaves behind; not the first one's
        if p.ppid == os.getpid() and p.pid != first.pid:
            os.kill(p.pid, signal.SIGKILL)
    first.post('/v1/upgrade', status=202)
    first.wait_log('supervisord started with pid', 2)
    c.wait(first.answers, 'the next image answers')
    ours = logs(first)  # one that has never run gets a new log
    third.start()
    check(all(map(os.path.exists, ours)), 'logs of the first live still')
    check(not any(map(os.path.exists, theirs)), 'those of a dead one are removed')


@story(nobody=True)
def a_port_in_use_is_refused(c):
    s = socket.socket()
    s.bind(('127.0.0.1', 0))
    s.listen(1)
    d = c.daemon(start=False,
                 sections=f'[inet_http_server]\nport=127.0.0.1:{s.getsockname()[1]}\n')
    code, out, err = c.run_daemon('-n', '-c', d.conf)
    same(code, 2, 'exit code')
    has(err, 'Another program is already listening', 'stderr')
    s.close()


@story(nobody=True)
def the_socket_of_a_dead_daemon_is_replaced(c):
    d = c.daemon(start=False)
    s = socket.socket(socket.AF_UNIX)
    s.bind(d.socket)
    s.close()
    check(os.path.exists(d.socket), 'the stale socket is there')
    d.start()
    has(d.log(), f'Unlinking stale socket {d.socket}', 'main log')
    same(os.stat(d.socket).st_mode & 0o777, 0o700, 'mode')
    d.stop()
    write_file(d.socket, 'precious')  # no socket: not ours to remove
    code, out, err = c.run_daemon('-n', '-c', d.conf)
    same(code, 2, 'exit code')
    same(read_file(d.socket), 'precious', 'the file')


@story(nobody=True)
def an_empty_file_gives_way_to_a_socket(c):
    precious = c.path('precious')
    write_file(precious, 'text')
    d = c.daemon(start=False)
    fastcgi = f'{d.dir}/fcgi.sock'
    d.configure(f'[fcgi-program:f]\ncommand=sleep 1000\nsocket=unix://{fastcgi}\nstartsecs=0\n')
    makers = {'an empty file': lambda path: write_file(path, ''),
              'a FIFO': os.mkfifo,
              'a link': lambda path: os.symlink(precious, path)}
    for what, make in makers.items():
        for path in (d.socket, fastcgi):
            make(path)
        d.start()
        d.wait_all('RUNNING', 1)
        for path in (d.socket, fastcgi):
            has(d.log(), f'{path} was {what}, not a socket: replaced', 'main log')
            check(stat.S_ISSOCK(os.lstat(path).st_mode), f'{path} is a socket')
        d.stop()
        same(read_file(precious), 'text', 'what the link led to')
    os.mkdir(d.socket)
    code, out, err = c.run_daemon('-n', '-c', d.conf)
    same(code, 2, 'exit code')
    has(err, f'{d.socket} is a directory, not a socket', 'stderr')


@story(root=True)
def a_reload_changes_the_mode_of_no_other_file_than_the_socket(c):
    d = c.daemon(server='chmod=0700')
    secret = c.path('secret')
    write_file(secret, 'text', 0o600)
    os.chmod(d.dir, 0o777)
    conf = read_file(d.conf)
    write_file(d.conf, conf.replace('chmod=0700', 'chmod=0777'))
    with socket.socket(socket.AF_UNIX) as s:  # connected before the name is exchanged
        s.connect(d.socket)
        os.symlink(secret, f'{d.dir}/new')
        os.rename(f'{d.dir}/new', d.socket)
        s.sendall(b'POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n')
        c.wait(lambda: b'200' in s.recv(65536), 'the reload is answered')
    same(os.stat(secret).st_mode & 0o777, 0o600, 'mode of the other file')


def names_are_exchanged_all_the_time(c, seconds):
    """Of the socket and of a link to another file, while the daemon makes the one and changes its mode."""
    port = free_port()
    d = c.daemon(server='chmod=0777', sections=f'[inet_http_server]\nport=127.0.0.1:{port}\n')
    d.clean = False  # which of the names is the socket's at its end is chance
    secret, link = c.path('secret'), f'{d.dir}/link'
    write_file(secret, 'text', 0o600)
    os.symlink(secret, link)
    os.chmod(d.dir, 0o777)
    conf = read_file(d.conf)
    over = threading.Event()

    def exchange():
        AT_FDCWD, RENAME_EXCHANGE = -100, 2
        while not over.is_set():
            for name in (d.socket, f'{d.socket}.{d.pid}', f'{d.dir}/.{d.pid}'):
                _libc.renameat2(AT_FDCWD, link.encode(), AT_FDCWD, name.encode(), RENAME_EXCHANGE)
    racer = threading.Thread(target=exchange)
    racer.start()
    try:
        end, mode = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            mode += 1
            write_file(d.conf, conf.replace('chmod=0777', f'chmod=07{mode % 8}7'))
            d.request('POST', '/v1/reload', {}, port=port)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(d.socket)  # it is made again
            if not os.path.lexists(link):
                os.symlink(secret, f'{link}.new')
                os.rename(f'{link}.new', link)
            st = os.stat(secret)
            same((st.st_mode & 0o7777, st.st_uid, read_file(secret)), (0o600, 0, 'text'), 'the other file')
    finally:
        over.set()
        racer.join()
    same(d.popen.poll(), None, 'the daemon lives')


@story(root=True, busy=True)
def the_socket_s_mode_is_given_to_no_other_file_in_a_race(c):
    names_are_exchanged_all_the_time(c, 1)


@story(root=True, long=True, busy=True)
def the_socket_s_mode_is_given_to_no_other_file_in_a_long_race(c):
    names_are_exchanged_all_the_time(c, 30)


@story(nobody=True)
def the_socket_has_the_mode_that_was_asked_for(c):
    d = c.daemon(server='chmod=0666')
    same(os.stat(d.socket).st_mode & 0o777, 0o666, 'mode')


@story(nobody=True)
def after_a_kill_a_new_daemon_can_begin(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0', 'numprocs=3', 'process_name=%(process_num)d'))
    d.wait_all('RUNNING', 3)
    old = d.pids()
    d.kill()
    for pid in old.values():  # they live on, and without a state directory no daemon adopts them
        os.kill(pid, signal.SIGKILL)
    check(os.path.exists(d.socket) and os.path.exists(d.pidfile), 'files are left behind')
    d.start()
    d.wait_all('RUNNING', 3)
    check(not set(old.values()) & set(d.pids().values()), 'they are new')
    same(int(read_file(d.pidfile)), d.pid, 'pidfile')


@story(nobody=True)
def check_prints_every_error_and_starts_nothing(c):
    conf = write_file(c.path('bad.conf'), '''[supervisord]
logfile=main.log
nonsense=1
[program:a]
command=/bin/true
numprocs=many
[program:b]
stopsignal=NONSENSE
autorestart=perhaps
[group:g]
programs=a,zz
''')
    code, out, err = c.run_daemon('--check', '-c', conf)
    same(code, 2, 'exit code')
    text = out + err
    for part in (f'{conf}:6:', f'{conf}:8:', f'{conf}:9:', 'zz', f'{conf}:3:', 'nonsense',
                 'does not specify a command'):
        has(text, part, 'output')
    code, out, err = c.run_daemon('-n', '-c', conf)
    same(code, 2, 'exit code without --check')
    check(err.startswith('Error: '), f'stderr {err!r}')
    lacks(str(os.listdir(c.dir)), 'main.log', 'directory')


@story(nobody=True)
def check_tells_warnings_and_strict_counts_them(c):
    d = c.daemon(c.program('a', ' sleep', 'autorestrat=true'), start=False)
    code, out, err = c.run_daemon('--check', '-c', d.conf)
    same(code, 0, 'exit code')
    has(out + err, 'autorestrat', 'output')
    has(out + err, 'autorestart', 'output')
    code, out, err = c.run_daemon('--check', '--strict', '-c', d.conf)
    same(code, 2, 'exit code with --strict')
    check(not os.path.exists(d.socket) and not os.path.exists(d.logfile), 'nothing was started')
    d.configure(c.program('a', ' sleep'))
    code, out, err = c.run_daemon('--check', '--strict', '-c', d.conf)
    same(code, 0, f'exit code of a good file ({out!r}, {err!r})')


@story(nobody=True)
def refusals_are_said_and_exit_with_two(c):
    d = c.daemon(start=False)
    for args, part in ((('-x',), 'option -x not recognized'),
                       (('-c', '/nonexistent'), 'could not find config file /nonexistent'),
                       (('-c', d.conf, '-e', 'loud'), "bad logging level name 'loud'"),
                       (('-c', d.conf, 'word'), "positional arguments are not supported: ['word']")):
        code, out, err = c.run_daemon(*args)
        same(code, 2, f'exit code of {args}')
        has(err, 'Error: ', 'stderr')
        has(err, part, 'stderr')
    code, out, err = c.run_daemon('-v')
    check(code == 0 and '(speaks Supervisor 4.2.5)' in out, f'version: {code} {out!r}')
    code, out, err = c.run_daemon('--help')
    check(code == 0 and '--configuration' in out, f'help: {code} {out!r}')


@story(nobody=True)
def the_command_line_wins_over_the_file(c):
    d = c.daemon(args=['-n', '-e', 'debug', '-i', 'its-name', '-l', c.path('other.log')],
                 supervisord='loglevel=critical\nidentifier=x')
    d.logfile = c.path('other.log')
    same(d.info()['identifier'], 'its-name', 'identifier')
    d.wait_log('supervisord started')
    d.reload()
    same(d.info()['identifier'], 'its-name', 'identifier after a reload')


@story(nobody=True)
def signals_that_mean_nothing_do_nothing(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 1)
    before = d.pids()
    for sig in (signal.SIGALRM, signal.SIGPIPE, signal.SIGIO, signal.SIGVTALRM):
        d.send(sig)
    check(d.answers(), 'it answers')
    same(d.pids(), before, 'pids')


@story(nobody=True)
def the_daemon_reports_its_own_state(c):
    port = free_port()
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'), supervisord='identifier=me',
                 sections=f'[inet_http_server]\nport=127.0.0.1:{port}\n')
    d.wait_all('RUNNING', 1)
    info = d.info()
    same((info['identifier'], info['pid'], info['state'], info['config']),
         ('me', d.pid, 'RUNNING', d.conf), 'info')
    check(info['uptime_s'] >= 0 and info['started_at'].endswith('Z'), 'times')
    same(d.get('/v1/info', port=port).status, 200, 'status over TCP')
    same(d.rpc().getSupervisorVersion(), '4.2.5', 'getSupervisorVersion')
    same(d.rpc().getState(), {'statecode': 1, 'statename': 'RUNNING'}, 'getState')
    d.rpc().shutdown()
    d.wait_end(0)


@story(nobody=True)
def a_restart_by_rpc_keeps_the_process(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 1)
    old = d.pids()['w']
    d.rpc().restart()
    d.wait_log('supervisord started with pid', 2)
    c.wait(lambda: d.answers() and d.info()['counts']['RUNNING'] == 1, 'it is back')
    check(d.pids()['w'] != old, 'the worker is new')
    same(d.info()['pid'], d.pid, 'pid')


@story(ordinary=True)
def a_refused_chown_is_told_in_the_words_that_users_know(c):
    d = c.daemon(server='chown=root:root', start=False)
    code, _, err = c.run_daemon('-n', '-c', d.conf)
    same(code, 2, 'exit code')
    has(err, f'Not permitted to chown {d.socket} to uid/gid (0, 0); adjust "sockchown" value in config file or on '
        'command line to values that the current user (', 'stderr')
    has(err, ') can successfully chown', 'stderr')
