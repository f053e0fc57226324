"""What a worker gets: its command, its surroundings, and a reason when it cannot be started."""
import os
import pwd
import resource
import shutil
import signal
import time

from e2elib import (Proc, Skipped, check, free_port, has, proc_environ, proc_status, read_file,
                    same, story, write_file)


@story(nobody=True)
def a_worker_leads_a_session_of_its_own_with_clean_signals_and_descriptors(c):
    extra = os.open('/dev/null', os.O_RDONLY)
    os.set_inheritable(extra, True)
    user = pwd.getpwuid(os.geteuid()).pw_name  # is looked up by a start that comes first
    d = c.daemon(c.program('w', ' sleep', f'user={user}'), start=False)
    d.launch(preexec=lambda: (signal.signal(signal.SIGPIPE, signal.SIG_IGN),
                              signal.signal(signal.SIGUSR1, signal.SIG_IGN)), pass_fds=[extra])
    c.wait(d.is_up, 'the daemon answers')
    pid = d.wait_state('w', 'RUNNING')['pid']
    p = Proc(pid)
    same((p.pgrp, p.session), (pid, pid), 'process group and session')
    same(p.ppid, d.pid, 'parent')
    status = proc_status(pid)
    for key in ('SigBlk', 'SigIgn', 'SigPnd'):
        same(int(status[key], 16), 0, key)
    same(sorted(os.listdir(f'/proc/{pid}/fd')), ['0', '1', '2'], 'descriptors')
    check(all('pipe' in os.readlink(f'/proc/{pid}/fd/{n}') for n in range(3)), 'they are pipes')


@story(nobody=True)
def variables_of_service_managers_are_not_passed_on(c):
    own = {'NOTIFY_SOCKET': '/run/x', 'WATCHDOG_USEC': '1', 'WATCHDOG_PID': '1', 'LISTEN_FDS': '1',
           'LISTEN_PID': '1', 'LISTEN_FDNAMES': 'x', 'OTHER': 'stays'}
    d = c.daemon(c.program('w', ' sleep'), env={**os.environ, **own})
    env = proc_environ(d.wait_state('w', 'RUNNING')['pid'])
    same(sorted(set(env) & set(own)), ['OTHER'], 'of those, the worker has')


@story(nobody=True)
def the_environment_is_the_daemons_then_the_sections_then_the_programs(c):
    d = c.daemon(c.program('web', ' sleep', 'process_name=%(program_name)s_%(process_num)d',
                           'numprocs=1', 'environment=A="program",P="x %(process_num)d",Q=\'a,b\'')
                 + '[group:g]\nprograms=web\n',
                 supervisord='environment=A="section",B="section",S="%(here)s"',
                 env={**os.environ, 'A': 'daemon', 'B': 'daemon', 'C': 'daemon'})
    env = proc_environ(d.wait_state('g:web_0', 'RUNNING')['pid'])
    expected = {'A': 'program', 'B': 'section', 'C': 'daemon', 'P': 'x 0', 'Q': 'a,b', 'S': d.dir,
                'SUPERVISOR_ENABLED': '1', 'SUPERVISOR_PROCESS_NAME': 'web_0',
                'SUPERVISOR_GROUP_NAME': 'g', 'SUPERVISOR_SERVER_URL': f'unix://{d.socket}'}
    same({k: env.get(k) for k in expected}, expected, 'environment')


@story(nobody=True)
def directory_umask_and_quoted_arguments_reach_the_worker(c):
    os.mkdir(c.path('some where'))
    d = c.daemon(c.program('w', ''' env "a b" 'c "d' e\\ f $HOME * ""''',
                           f'directory={c.path("some where")}', 'umask=027', 'startsecs=0',
                           'autorestart=false'))
    text = d.wait_worker_log('w', '\ngid ')
    has(text, f'cwd {c.path("some where")}\n', 'output')
    has(text, 'umask 0027\n', 'output')
    args = [line[4:] for line in text.splitlines() if line.startswith('arg ')]
    same(args[1:], ['env', 'a b', 'c "d', 'e f', '$HOME', '*', ''], 'arguments')


@story(nobody=True)
def a_command_is_found_in_the_path_of_its_own_environment(c):
    os.mkdir(c.path('bin'))
    os.symlink(c.worker, c.path('bin', 'its-own-name'))
    d = c.daemon(c.program('w', 'its-own-name sleep', f'environment=PATH="{c.path("bin")}"'))
    d.wait_state('w', 'RUNNING')
    d.wait_worker_log('w', 'ready')


@story(root=True)
def a_worker_of_another_user_has_that_users_groups(c):
    who = pwd.getpwnam('nobody')
    d = c.daemon(c.program('w', ' sleep', 'user=nobody') + c.program('r', ' sleep'))
    status = proc_status(d.wait_state('w', 'RUNNING')['pid'])
    same(status['Uid'].split(), [str(who.pw_uid)] * 4, 'Uid')
    same(status['Gid'].split(), [str(who.pw_gid)] * 4, 'Gid')
    groups = sorted(map(str, os.getgrouplist('nobody', who.pw_gid)))
    same(sorted(status['Groups'].split()), groups, 'Groups')
    same(proc_status(d.wait_state('r', 'RUNNING')['pid'])['Uid'].split()[0], '0', 'the other Uid')
    d.wait_worker_log('w', 'ready')


@story(root=True)
def a_daemon_that_changes_its_user_runs_workers_as_that_user(c):
    who = pwd.getpwnam('nobody')
    d = c.daemon(c.program('w', ' sleep'), supervisord='user=nobody', start=False)
    os.chown(d.dir, who.pw_uid, who.pw_gid)
    # who changes its user may not be traced any more, which is how leaks are looked for
    d.start(env={**os.environ, 'ASAN_OPTIONS': 'detect_leaks=0'})
    same(proc_status(d.pid)['Uid'].split(), [str(who.pw_uid)] * 4, "the daemon's Uid")
    pid = d.wait_state('w', 'RUNNING')['pid']
    same(proc_status(pid)['Uid'].split(), [str(who.pw_uid)] * 4, "the worker's Uid")
    d.wait_worker_log('w', 'ready')


@story(ordinary=True)
def only_root_may_run_workers_of_other_users(c):
    d = c.daemon(c.program('w', ' sleep', 'user=root', 'startretries=0'))
    p = d.wait_state('w', 'FATAL')
    same(p['spawn_error'], "couldn't setuid to 0: Can't drop privilege as nonroot user",
         'spawn_error')


@story(nobody=True)
def a_start_that_fails_names_the_step_and_the_reason(c):
    write_file(c.path('text'), 'neither machine code nor a script\n', 0o755)
    write_file(c.path('script'), '#!/nonexistent/interpreter\n', 0o755)
    write_file(c.path('plain'), 'x', 0o644)
    expected = {
        'missing': ('/nonexistent/program', '', "can't find command '/nonexistent/program'", None),
        'unknown': ('no-such-word', '', "can't find command 'no-such-word'", None),
        'plain': (c.path('plain'), '', f"command at '{c.path('plain')}' is not executable", None),
        'folder': (c.dir, '', f"command at '{c.dir}' is a directory", None),
        'nowhere': (f'{c.worker} sleep', 'directory=/nonexistent/place',
                    "couldn't chdir to /nonexistent/place: No such file or directory",
                    "supervisor: couldn't chdir to /nonexistent/place: ENOENT\n"),
        'format': (c.path('text'), '', 'Exec format error',
                   f"supervisor: couldn't exec {c.path('text')}: ENOEXEC\n"),
        'script': (c.path('script'), '', 'No such file or directory',
                   f"supervisor: couldn't exec {c.path('script')}: ENOENT\n"),
        'quotes': ('"unfinished', '', 'No closing quotation', None),
    }
    d = c.daemon(''.join(c.program(name, command, 'startretries=1', 'restart_delay=20ms', line)
                         for name, (command, line, _, _) in expected.items()))
    for name, (_, _, text, stderr) in expected.items():
        p = d.wait_state(name, 'FATAL')
        has(p['spawn_error'] or '', text, f'spawn_error of {name}')
        same(p['description'], p['spawn_error'], f'description of {name}')
        same(p['tries'], 2, f'tries of {name}')
        d.wait_log(f'spawnerr: {p["spawn_error"]}', 2)
        if stderr:
            d.wait_worker_log(name, stderr, 'stderr')
            has(d.worker_log(name, 'stderr'), 'supervisor: child process was not spawned\n',
                f'stderr of {name}')


@story(nobody=True)
def a_fleet_is_named_and_numbered_as_the_file_says(c):
    d = c.daemon(c.program('web', ' sleep', 'numprocs=3', 'numprocs_start=8',
                           'process_name=%(program_name)s-%(process_num)02d',
                           'environment=PORT="90%(process_num)02d"')
                 + c.program('lone', ' sleep', 'process_name=other')
                 + c.program('none', ' sleep', 'numprocs=0',
                             'process_name=%(program_name)s_%(process_num)d'))
    d.wait_all('RUNNING', 4)
    same(d.names(), ['lone:other', 'web:web-08', 'web:web-09', 'web:web-10'], 'names')
    pids = d.pids()
    for n in (8, 9, 10):
        same(proc_environ(pids[f'web:web-{n:02d}'])['PORT'], f'90{n:02d}', f'PORT of {n}')
    same(d.process('web:web-09')['number'], 9, 'number')


@story(nobody=True)
def a_file_with_lines_of_four_thousand_characters_is_read_whole(c):
    long = 'x' * 4000
    write_file(c.path(long[:200]), '')
    text = c.program('w', f' env {long} "{"y z " * 1000}"', 'startsecs=0', 'autorestart=false',
                     f'environment=LONG="{long}",LAST="{long[:3999]}!"', f'; {"comment " * 500}',
                     'exitcodes=' + ','.join(['0'] * 2000))
    text += f'[program:{"n" * 200}]\ncommand={c.worker} sleep\n'
    d = c.daemon(text)
    out = d.wait_worker_log('w', '\ngid ')
    for line in (f'arg {long}\n', f'env LONG={long}\n', f'env LAST={long[:3999]}!\n',
                 f'arg {"y z " * 1000}\n'):
        check(line in out, f'{line[:20]!r}... is not whole')
    d.wait_state('n' * 200, 'RUNNING')


@story(nobody=True)
def workers_get_the_descriptor_limit_that_the_daemon_was_started_with(c):
    d = c.daemon(c.program('w', ' sleep'), supervisord='minfds=200', start=False)
    d.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (300, 900)))
    pid = d.wait_state('w', 'RUNNING')['pid']

    def limits(of):
        line = next(x for x in read_file(f'/proc/{of}/limits').splitlines()
                    if x.startswith('Max open files'))
        return tuple(map(int, line.split()[3:5]))
    same(limits(pid), (300, 900), "the worker's limits")
    same(limits(d.pid), (900, 900), "the daemon's limits")


@story(nobody=True)
def a_worker_that_closes_its_output_goes_on_and_costs_nothing(c):
    d = c.daemon(c.program('w', ' close-stdout'))
    p = d.wait_state('w', 'RUNNING')
    d.wait_worker_log('w', 'ready')

    def ticks():
        return sum(map(int, read_file(f'/proc/{d.pid}/stat').rsplit(')', 1)[1].split()[11:13]))
    before = ticks()
    time.sleep(1)  # a spinning daemon would take a hundred ticks, or fifty beside others
    check(ticks() - before < 25, f'the daemon spins: {ticks() - before} ticks in a second')
    same(d.process('w')['pid'], p['pid'], 'pid')
    d.order('w', 'stop')


@story(nobody=True)
def text_that_is_sent_to_stdin_arrives(c):
    d = c.daemon(c.program('w', ' echo'))
    d.wait_state('w', 'RUNNING')
    d.order('w', 'stdin', 204, data='first\n')
    d.wait_worker_log('w', 'first\n')
    same(d.rpc().sendProcessStdin('w', 'second\n'), True, 'sendProcessStdin')
    same(d.wait_worker_log('w', 'second\n'), 'first\nsecond\n', 'output')
    big = 'z' * 2000 + '\n'
    for _ in range(100):
        d.order('w', 'stdin', 204, data=big)
    c.wait(lambda: d.process('w')['stdout']['written'] == 13 + 100 * len(big), 'all of it arrived',
           lambda: d.process('w')['stdout'])


@story(nobody=True)
def real_servers_are_supervised(c):
    for program in ('nginx', 'redis-server'):
        if not shutil.which(program, path='/usr/sbin:/usr/bin:/usr/local/bin'):
            raise Skipped(f'{program} is not installed')
    web, cache = free_port(), free_port()
    temp = '\n'.join(f'  {n}_temp_path {c.dir}/t;' for n in
                     ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
    user = 'user root;' if os.getuid() == 0 else ''
    write_file(c.path('nginx.conf'), f'''daemon off; {user} pid {c.dir}/nginx.pid;
error_log stderr; worker_processes 2;
events {{ worker_connections 64; }}
http {{ access_log /dev/stdout;
{temp}
  server {{ listen 127.0.0.1:{web}; location / {{ return 200 "hello\\n"; }} }} }}
''')
    d = c.daemon(
        c.program('nginx', f'/usr/sbin/nginx -c {c.dir}/nginx.conf -e stderr', 'stopsignal=QUIT',
                  f'healthcheck=http://127.0.0.1:{web}/', 'healthcheck_interval=200ms',
                  'ready=healthcheck', 'stopasgroup=true', 'restart_delay=100ms')
        + c.program('redis', f'redis-server --port {cache} --save "" --dir {c.dir} --bind 127.0.0.1',
                    f'healthcheck=tcp://127.0.0.1:{cache}', 'healthcheck_interval=200ms',
                    'ready=healthcheck', 'restart_delay=100ms'))
    for name in ('nginx', 'redis'):
        d.wait_process(name, lambda p: p['state'] == 'RUNNING' and p['health'] == 'healthy',
                       'is RUNNING and healthy')
    has(d.wait_worker_log('redis', 'Ready to accept connections'), 'oO0OoO0OoO0Oo', 'log of redis')
    d.wait_worker_log('nginx', 'GET / HTTP/1.1" 200')
    before = d.pids()
    os.kill(before['nginx'], signal.SIGKILL)  # its workers hold the port: they have to go, too
    d.wait_process('nginx', lambda p: p['state'] == 'RUNNING' and p['health'] == 'healthy'
                   and p['pid'] != before['nginx'], 'is there again')
    same(d.pids()['redis'], before['redis'], 'pid of redis')
    check(d.process('nginx')['exit']['signal'] == 'SIGKILL', 'its end is remembered')
    d.order('all', 'stop')
    d.wait_all('STOPPED', 2)
