"""Bugs and limits of Supervisor that ours does not have: compat section 23, row by row. Rows that
other stories tell (health, machine, reload, stop, logs, workers) are not told again."""
import base64
import os
import signal
import socket
import stat
import subprocess
import time
import xml.etree.ElementTree
import xmlrpc.client

from e2elib import (Failed, alive, check, free_port, has, lacks, proc_environ, proc_status,
                    read_file, resident_kb, same, story, write_file)


def fault_of(call, *args):
    try:
        return f'no fault: {call(*args)!r}'
    except xmlrpc.client.Fault as e:
        return e.faultCode, e.faultString


def script(c, name, text):
    return write_file(c.path(name), '#!/bin/sh\n' + text, 0o755)


# ---- rows 1 and 2: nothing waits for a second to pass

@story(nobody=True)
def row_1_forty_groups_start_and_stop_in_much_less_than_forty_seconds(c):
    d = c.daemon(''.join(c.program(f'p{i}', ' sleep', 'startsecs=0', f'priority={i}')
                         for i in range(40)))
    d.wait_all('RUNNING', 40)
    began = time.monotonic()
    d.stop()
    check(time.monotonic() - began < 20 * c.patience / 30, 'each group took as long as a tick')


@story(nobody=True)
def row_2_a_worker_that_dies_at_once_never_counts_as_running(c):
    d = c.daemon(c.program('bo', ' exit 1', 'startsecs=1', 'startretries=20', 'restart_delay=20ms',
                           'restart_delay_factor=1'))
    d.wait_state('bo', 'FATAL')
    lacks(d.log(), 'success: bo')
    same(len(d.lines("spawned: 'bo'")), 21, 'starts')


# ---- row 4: one order, the reverse for stop

@story(nobody=True)
def row_4_priorities_hold_inside_a_group_and_stops_go_in_reverse(c):
    text = ''.join(c.program(n, ' sleep', 'startsecs=0', f'priority={p}')
                   for n, p in (('b', 2), ('c', 3), ('a', 1)))
    d = c.daemon(text + '[group:g]\nprograms=c,b,a\n', supervisord='loglevel=debug')
    d.wait_all('RUNNING', 3)
    started = [line.split("'")[1] for line in d.lines('spawned: ')]
    same(started, ['a', 'b', 'c'], 'order of the start')
    d.rpc().stopAllProcesses()
    stopped = [line.split('killing ')[1][0] for line in d.lines(' with signal SIGTERM')]
    same(stopped, ['c', 'b', 'a'], 'order of the stop')


# ---- row 7: a stop forgets the tries

@story(nobody=True)
def row_7_a_stop_while_waiting_forgets_failed_starts(c):
    d = c.daemon(c.program('w', ' exit 1', 'startretries=1', 'autostart=false', 'startsecs=1',
                           'restart_delay=60s'))
    for _ in range(4):
        code, text = fault_of(d.rpc().startProcess, 'w')
        same((code, text), (50, 'SPAWN_ERROR: w'), 'answer to the start')
        same(d.wait_state('w', 'BACKOFF')['tries'], 1, 'tries')
        same(d.rpc().stopProcess('w'), True, 'answer to the stop')
        d.wait_state('w', 'STOPPED')
    lacks(d.log(), 'FATAL')


# ---- row 9: parse first

@story(nobody=True)
def row_9_a_broken_file_stops_nothing_however_it_is_read(c):
    text = c.program('w', ' sleep', 'startsecs=0')
    d = c.daemon(text, supervisord='sighup=restart')
    d.wait_all('RUNNING', 1)
    before = d.pids()
    d.configure(text + '[program:x]\nstartsecs=soon\n')
    want = (92, "CANT_REREAD: program section program:x does not specify a command in section "
                f"'program:x' (file: '{d.conf}')")
    for call in (d.rpc().restart, d.rpc().reloadConfig):
        code, said = fault_of(call)
        same(code, 92, 'fault')
        has(said, 'CANT_REREAD: ')
        has(said, f"in section 'program:x' (file: '{d.conf}')")
    check(want[0] == 92, want[1])
    d.send(signal.SIGHUP)
    d.wait_log('received SIGHUP indicating restart request')
    same(d.rpc().getState()['statename'], 'RUNNING', 'state')
    same(d.pids(), before, 'pids')


# ---- rows 12 and 13: signals

@story(nobody=True)
def row_12_no_stray_signal_ends_the_daemon(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 1)
    before = d.pids()
    for sig in (signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGIO,
                signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCONT, signal.SIGWINCH, signal.SIGURG):
        d.send(sig)
    same(d.pids(), before, 'pids')


# ---- row 15: descriptors

@story(nobody=True)
def row_15_a_worker_has_three_descriptors_and_costs_the_daemon_as_many(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0', 'numprocs=1', 'numprocs_max=50',
                           'process_name=%(process_num)d'))
    d.wait_all('RUNNING', 1)
    before = len(os.listdir(f'/proc/{d.pid}/fd'))
    d.scale('w', replicas=41)
    d.wait_all('RUNNING', 41)
    grown = len(os.listdir(f'/proc/{d.pid}/fd')) - before
    check(grown <= 40 * 5 + 5, f'{grown} descriptors for 40 workers')
    for pid in d.pids().values():
        # the parent goes on while the kernel is still closing what is close-on-exec
        c.wait(lambda pid=pid: sorted(os.listdir(f'/proc/{pid}/fd')) == ['0', '1', '2'],
               'three descriptors')


# ---- rows 16 and 17: /dev/stdout and its like

@story
def row_17_clearing_never_removes_what_is_no_file(c):
    fifo, link = c.path('fifo'), c.path('stdout')
    os.mkfifo(fifo)
    os.symlink(fifo, link)
    held = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    d = c.daemon(c.program('l', ' sleep', 'startsecs=0', f'stdout_logfile={link}',
                           'stdout_logfile_maxbytes=1KB')
                 + c.program('f', ' sleep', 'startsecs=0', f'stdout_logfile={fifo}'))
    d.wait_all('RUNNING', 2)
    for name in ('l', 'f'):
        same(d.rpc().clearProcessLogs(name), True, f'clearing {name}')
    check(os.path.islink(link), 'the link is gone')
    check(stat.S_ISFIFO(os.lstat(fifo).st_mode), 'the pipe is gone')
    d.stop()
    check(os.path.islink(link) and os.path.exists(fifo), 'something is gone at the end')
    os.close(held)


# ---- row 18: what capture mode holds back

@story(nobody=True)
def row_18_capture_mode_loses_no_short_output(c):
    text = ''
    for name, command in (('p', 'echo short'), ('q', "printf 'x<!--XSUP'")):
        text += (f'[program:{name}]\ncommand={script(c, name, command)}\nstartsecs=0\n'
                 'autorestart=false\nstdout_capture_maxbytes=1KB\n'
                 f'stdout_logfile={c.path(name)}.log\n')
    d = c.daemon(text)
    d.wait_state('p', 'EXITED')
    d.wait_state('q', 'EXITED')
    c.wait(lambda: read_file(c.path('p.log')) == 'short\n', 'short output is in the log')
    c.wait(lambda: read_file(c.path('q.log')) == 'x<!--XSUP', 'half a token is in the log')


# ---- row 19: bytes that XML cannot carry

@story(nobody=True)
def row_19_any_bytes_in_a_log_give_an_answer_that_can_be_read(c):
    data = bytes(range(256)) + b'\x1b[31mred\x1b[0m \xe2\x82 \xed\xa0\x80 ]]> <x>&\xf0\x9f\x98\x80\n'
    write_file(c.path('bytes.py'), f'import os, time\nos.write(1, {data!r})\ntime.sleep(1000)\n')
    d = c.daemon(f'[program:p]\ncommand=python3 {c.path("bytes.py")}\nstartsecs=0\n'
                 f'stdout_logfile={c.path("p.log")}\n')
    c.wait(lambda: os.path.getsize(c.path('p.log')) == len(data)
           if os.path.exists(c.path('p.log')) else False, 'the bytes are in the log')
    lengths = (0, 1, 2, 3, 200, 10000)
    for offset in (*range(0, len(data), 7), -1, -5, -100):
        for length in lengths if offset >= 0 else (0,):
            body = xmlrpc.client.dumps(('p', offset, length), 'supervisor.readProcessStdoutLog')
            a = d.request('POST', '/RPC2', body, {'Content-Type': 'text/xml'})
            same(a.status, 200, f'status at {offset}, {length}')
            xml.etree.ElementTree.fromstring(a.body)
    text = d.rpc().readProcessStdoutLog('p', 0, 0)
    has(text, '[31mred[0m')
    has(text, ']]> <x>&\U0001f600')
    lacks(text, '\x1b')
    same(d.get('/v1/logs/p/stdout?tail=100000').body, data, 'the bytes over the JSON API')


# ---- rows 22 to 24: what is ignored is said

@story(nobody=True)
def rows_22_to_24_what_is_cut_or_dropped_is_a_warning(c):
    conf = write_file(c.path('odd.conf'), f'''[supervisord]
pidfile={c.path('p')}
logfile={c.path('l')}
[program:a]
comand=/bin/true
command=/bin/sh -c "echo ;hi"
stdout_logfile={c.dir}/100%%.log
stderr_logfile={c.dir}/100%%%%.err
[program:b]
command=/bin/true
environment=A=x y
[inet_http_server]
port=127.0.0.1:1
''')
    code, out, err = c.run_daemon('--check', '-c', conf)
    same(code, 0, 'exit code')
    has(err, f"{conf}:5: warning: [program:a] comand: unknown key 'comand' in [program:a]")
    has(err, 'did you mean command?')
    has(err, f'{conf}:6: warning: [program:a] command: a comment cuts command in the middle of a '
             'quoted text')
    has(err, f'{conf}:11: warning: [program:b] environment: text in environment is ignored: y')
    has(err, f'{conf}:13: warning: [inet_http_server] port: anybody who can connect to 127.0.0.1:1 '
             'may start and stop processes')
    same(c.run_daemon('--check', '--strict', '-c', conf)[0], 2, 'exit code of --strict')
    lacks(err, '100%')


# ---- row 25: whose home it is

@story(root=True)
def row_25_a_worker_can_have_its_users_home(c):
    text = ''.join(f'[program:{n}]\ncommand=/bin/sleep 1000\nstartsecs=0\nuser=nobody\n{keys}\n'
                   for n, keys in (('plain', ''), ('own', 'user_environment=true'),
                                   ('mixed', 'user_environment=true\nenvironment=HOME="/x"')))
    d = c.daemon(text, env={'PATH': '/bin:/usr/bin', 'HOME': '/root', 'USER': 'root',
                            'SHELL': '/bin/bash'})
    d.wait_all('RUNNING', 3)
    env = {name: proc_environ(pid) for name, pid in d.pids().items()}
    same((env['plain']['HOME'], env['plain']['USER']), ('/root', 'root'), 'without the key')
    import pwd
    who = pwd.getpwnam('nobody')
    same([env['own'][k] for k in ('HOME', 'USER', 'LOGNAME', 'SHELL')],
         [who.pw_dir, 'nobody', 'nobody', who.pw_shell], 'with the key')
    same((env['mixed']['HOME'], env['mixed']['USER']), ('/x', 'nobody'), 'environment= wins')


# ---- row 26: umask and directory in the foreground

@story(nobody=True)
def row_26_umask_and_directory_hold_in_the_foreground(c):
    os.mkdir(c.path('wd'))
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'),
                 supervisord=f'umask=027\ndirectory={c.path("wd")}')
    d.wait_all('RUNNING', 1)
    for pid in (d.pid, *d.pids().values()):
        same(os.readlink(f'/proc/{pid}/cwd'), c.path('wd'), 'directory')
        same(int(proc_status(pid)['Umask'], 8), 0o27, 'umask')


# ---- rows 28 and 29: listeners

LISTENER = r'''
import sys
while True:
    sys.stdout.write('READY\n')
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        break
    payload = sys.stdin.read(int(line.split('len:')[1]))
    with open(sys.argv[1], 'a') as f:
        f.write(line.strip() + '|' + payload.replace('\n', '/') + '\n')
    sys.stdout.write('RESULT 2\nOK')
'''


@story(nobody=True)
def rows_28_and_29_an_event_comes_once_and_its_length_is_in_characters(c):
    write_file(c.path('l.py'), LISTENER)
    told = c.path('told')
    d = c.daemon(f'[eventlistener:l]\ncommand=python3 {c.path("l.py")} {told}\nstartsecs=0\n'
                 'events=REMOTE_COMMUNICATION,EVENT,REMOTE_COMMUNICATION\n'
                 'environment=PYTHONIOENCODING=utf-8,PYTHONUTF8=1\n')
    d.wait_state('l', 'RUNNING')
    d.rpc().sendRemoteCommEvent('first', 'h\u00e9llo')
    d.rpc().sendRemoteCommEvent('last', '')
    c.wait(lambda: 'type:last' in read_file(told), 'the last one came')
    lines = [x for x in read_file(told).splitlines() if 'REMOTE_COMM' in x]
    same(len(lines), 2, f'deliveries ({lines})')
    has(lines[0], ' len:16|type:first/h\u00e9llo')


@story(nobody=True)
def row_28_a_dead_pool_does_not_flood_the_log(c):
    d = c.daemon('[eventlistener:dead]\ncommand=/bin/sleep 1000\nautostart=false\n'
                 'events=REMOTE_COMMUNICATION\n')
    for i in range(200):
        d.rpc().sendRemoteCommEvent('t', str(i))
    same(len(d.lines('pool dead event buffer overflowed')), 10, 'lines')


# ---- row 30: FastCGI

@story(nobody=True)
def row_30_a_fastcgi_socket_is_there_in_a_group_and_while_workers_are_down(c):
    path = c.path('f.sock')
    d = c.daemon(f'[fcgi-program:f]\ncommand={c.worker} sleep\nsocket=unix://{path}\nstartsecs=0\n'
                 '[group:g]\nprograms=f\n')
    d.wait_all('RUNNING', 1)
    check('socket:' in os.readlink(f'/proc/{d.pids()["g:f"]}/fd/0'), 'stdin is the socket')
    d.order('g:f', 'stop')
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
    d.stop()
    check(not os.path.lexists(path), 'the socket is left behind')


# ---- row 31: the socket file

@story(nobody=True)
def row_31_a_deleted_socket_is_made_again(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'))
    for _ in range(3):
        os.unlink(d.socket)
        c.wait(d.answers, 'the daemon answers at its old path')
    mode = stat.S_IMODE(os.stat(d.socket).st_mode)
    same(mode, 0o700, 'mode of the new one')
    d.wait_log('had gone: made again', 3)


@story(nobody=True)
def row_31_a_socket_comes_back_with_its_directory(c):
    os.mkdir(c.path('run'))
    sock = c.path('run', 's.sock')
    d = c.daemon('', sections=f'[unix_http_server:more]\nfile={sock}\n')
    os.unlink(sock)
    c.wait(lambda: os.path.exists(sock), 'it is made again')
    os.rename(c.path('run'), c.path('away'))
    os.unlink(c.path('away', 's.sock'))
    d.wait_log('cannot be made again')
    os.mkdir(c.path('run'))
    c.wait(lambda: os.path.exists(sock), 'it is made again in the new directory')


# ---- row 32: IPv6

def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(('::1', 0))
        return True
    except OSError:
        return False


@story(nobody=True)
def row_32_servers_listen_on_both_families(c):
    ports = [free_port() for _ in range(3)]
    d = c.daemon('', sections='\n'.join(
        f'[inet_http_server:{n}]\nport={host}:{port}' for n, host, port in
        (('v4', '127.0.0.1', ports[0]), ('all', '*', ports[1]),
         ('v6', '[::1]' if has_ipv6() else '127.0.0.1', ports[2]))))
    wanted = [('127.0.0.1', ports[0]), ('127.0.0.1', ports[1])]
    if has_ipv6():
        wanted += [('::1', ports[1]), ('::1', ports[2])]
    for host, port in wanted:
        with socket.create_connection((host, port), timeout=c.patience) as s:
            s.sendall(b'GET /healthz HTTP/1.0\r\n\r\n')
            has(s.makefile('rb').read().decode(), ' 200 OK', f'answer at {host}')
    check(d.answers(), 'the Unix socket answers, too')


@story(nobody=True)
def a_server_moves_to_another_address_of_its_port(c):
    port = free_port()

    def reach(host):
        try:
            socket.create_connection((host, port), timeout=c.patience).close()
            return True
        except OSError:
            return False
    d = c.daemon('', sections=f'[inet_http_server]\nport=127.0.0.2:{port}\n')
    for host, there, elsewhere in (('*', '127.0.0.1', None), ('127.0.0.3', '127.0.0.3', '127.0.0.1')):
        d.sections = f'[inet_http_server]\nport={host}:{port}\n'
        d.apply('')
        check(reach(there), f'{there} answers')
        check(elsewhere is None or not reach(elsewhere), f'{elsewhere} still answers')


# ---- row 34: how loud an open Unix socket is

@story(nobody=True)
def row_34_only_an_open_tcp_server_is_critical(c):
    d = c.daemon('', sections=f'[inet_http_server]\nport=127.0.0.1:{free_port()}\n')
    words = 'running without any HTTP authentication checking'
    same([line[24:] for line in d.lines(words)],
         [f"INFO Server 'unix_http_server' {words}", f"CRIT Server 'inet_http_server' {words}"],
         'lines')


# ---- row 35: the client

@story(nobody=True)
def row_35_the_client_runs_once_and_its_codes_tell(c):
    d = c.daemon(c.program('a', ' sleep', 'startsecs=0') + c.program('b', ' sleep', 'startsecs=0')
                 + '[group:g]\nprograms=a,b\n')
    d.wait_all('RUNNING', 2)
    code, out, _ = d.ctl('clear', 'g:*')
    same((code, sorted(out.split('\n'))), (0, ['', 'g:a: cleared', 'g:b: cleared']), 'clear g:*')
    code, out, err = d.ctl('tail', '-f', 'nosuch')
    check(code != 0, f'tail -f of no process: {code}, {out!r}, {err!r}')
    same(d.ctl('fg', 'g:a', input='')[0] in (0, 1), True, 'fg without a terminal ends')


@story(nobody=True)
def row_35_a_missing_password_is_said_once(c):
    d = c.daemon('', start=False, server='username=u\npassword=p')
    d.launch()
    c.wait(d.answers, 'the daemon answers')
    code, out, err = d.ctl('stop', 'all')
    same(code, 1, 'exit code')
    has(out + err, 'Server requires authentication')
    lacks(out + err, 'error:')
    right = {'Authorization': 'Basic ' + base64.b64encode(b'u:p').decode()}
    same(d.get('/v1/info', headers=right).status, 200, 'status with the password')


# ---- row 36: several at once

@story(nobody=True)
def row_36_several_are_started_side_by_side_and_told_in_the_order_given(c):
    d = c.daemon(''.join(c.program(n, ' sleep', 'startsecs=1', 'autostart=false') for n in 'abc'))
    code, out, _ = d.ctl('start', 'c', 'a', 'b')
    same((code, out), (0, 'c: started\na: started\nb: started\n'), 'start c a b')
    spawned = max(d.moments('spawned: '))
    check(spawned <= min(d.moments('success: ')), 'a start waited for another')
    code, out, _ = d.ctl('restart', 'b', 'a')
    same((code, out), (0, 'b: stopped\na: stopped\nb: started\na: started\n'), 'restart b a')


# ---- row 40: what it costs

@story(nobody=True)
def row_40_the_daemon_is_small(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 1)
    if not c.asan:
        check(resident_kb(d.pid) < 8000, f'{resident_kb(d.pid)} kB resident')


# ---- stops, as clients wait for them (compat 14)

@story(nobody=True)
def a_client_that_waits_for_a_stop_is_told_of_it(c):
    d = c.daemon(c.program('w', ' ignore-term', 'startsecs=0', 'stopwaitsecs=3'))
    d.wait_state('w', 'RUNNING')
    pid = d.pids()['w']
    d.wait_worker_log('w', 'ready') if 'ready' in d.worker_log('w') else None
    same(d.rpc().stopProcess('w'), True, 'answer')
    check(not alive(pid), 'it is gone')
    check(len(d.lines('waiting for w to stop')) >= 1, 'it was said')


# ---- a restart rereads everything (compat 10)

@story(nobody=True)
def a_restart_takes_the_pidfile_and_the_log_that_the_new_file_names(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 1)
    old_pidfile, old_log = d.pidfile, d.logfile
    d.pidfile, d.logfile = c.path('new.pid'), c.path('new.log')
    d.configure(d.text)
    d.rpc().restart()
    d.wait_log("spawned: 'w' with pid")
    c.wait(lambda: read_file(d.pidfile) == f'{d.pid}\n', 'the new pidfile is written')
    check(not os.path.exists(old_pidfile), 'the old pidfile is left behind')
    has(read_file(old_log), 'stopped: w ')
    d.stop()


@story(nobody=True)
def a_restart_that_cannot_have_its_port_begins_anew_all_the_same(c):
    text = c.program('w', ' sleep', 'startsecs=0')
    d = c.daemon(text)
    d.wait_all('RUNNING', 1)
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen(1)
        d.sections = f'[inet_http_server]\nport=127.0.0.1:{taken.getsockname()[1]}\n'
        d.configure(text)
        d.rpc().restart()
        d.wait_log('supervisord started with pid', 2)
    d.wait_all('RUNNING', 1)
    has(d.log(), 'CRIT the servers and the log stay as they are: Another program is already '
                 'listening')
