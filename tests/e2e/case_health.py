"""Health checks: which workers are checked, what a verdict means, and readiness by checks."""
import os
import re
import socket
import time

from e2elib import check, descendants, free_port, free_ports, has, read_file, same, story

QUICK = ('healthcheck_interval=100ms', 'healthcheck_start_interval=100ms', 'restart_delay=100ms')


def web(c, name, port, *lines, sick=''):
    return c.program(name, f' http {port} {sick or c.path("sick-" + name)}',
                     f'healthcheck=http://127.0.0.1:{port}/health', *QUICK, *lines)


def touch(path):
    open(path, 'w').close()


@story(nobody=True)
def each_kind_of_check_finds_a_worker_healthy(c):
    port = free_port()
    d = c.daemon(start=False)
    d.configure(
        web(c, 'http', port)
        + c.program('tcp', ' sleep', f'healthcheck=tcp://127.0.0.1:{port}', *QUICK)
        + c.program('unix', ' sleep', f'healthcheck=unix://{d.socket}', *QUICK)
        + c.program('exec', ' sleep', "healthcheck=exec:/bin/echo 'it is' fine", *QUICK)
        + c.program('none', ' sleep'))
    d.start()
    for name in ('http', 'tcp', 'unix', 'exec'):
        p = d.wait_process(name, lambda p: p['health'] == 'healthy', 'is healthy')
        h = p['healthcheck']
        same((h['status'], h['last_ok'], h['failures']), ('healthy', True, 0), f'check of {name}')
        check(h['last_at'] and h['duration_s'] >= 0, 'time and duration are there')
    same(d.process('exec')['healthcheck']['output'], 'it is fine\n', 'output of exec')
    p = d.process('none')
    same((p['health'], p['healthcheck']), ('none', None), 'health without a check')


@story(nobody=True)
def an_unhealthy_worker_is_stopped_and_replaced(c):
    port = free_port()
    d = c.daemon(web(c, 'w', port, 'healthcheck_retries=2'))
    p = d.wait_process('w', lambda p: p['state'] == 'RUNNING' and p['health'] == 'healthy', 'is fine')
    touch(c.path('sick-w'))
    d.wait_log(f'unhealthy: w (pid {p["pid"]}) failed its health check, stopping it')
    os.unlink(c.path('sick-w'))
    q = d.wait_process('w', lambda q: q['state'] == 'RUNNING' and q['health'] == 'healthy'
                       and q['pid'] != p['pid'], 'was replaced')
    same(q['exit']['signal'], 'SIGTERM', 'how the first one ended')
    check(q['crashes'] >= 1, 'it counts as a crash')
    d.wait_log('exited: w (terminated by SIGTERM; not expected)')


@story(nobody=True)
def a_new_interval_counts_at_once_and_retains_the_health(c):
    port = free_port()
    text = web(c, 'w', port, 'healthcheck_retries=1', 'healthcheck_action=none')
    d = c.daemon(text)
    d.wait_process('w', lambda p: p['health'] == 'healthy', 'is fine')
    d.configure(text.replace('healthcheck_interval=100ms', 'healthcheck_interval=1h'))
    same(d.ctl('apply')[0], 0, 'exit code of apply')
    same(d.process('w')['health'], 'healthy', 'health after a longer interval')
    d.wait_process('w', lambda p: p['healthcheck']['last_at'], 'was asked')
    d.configure(text)
    same(d.ctl('apply')[0], 0, 'exit code of apply')
    same(d.process('w')['health'], 'healthy', 'health after a shorter interval')
    touch(c.path('sick-w'))
    d.wait_process('w', lambda p: p['health'] == 'unhealthy', 'is asked again within the hour')


@story(nobody=True)
def health_check_actions_kill_or_do_nothing(c):
    port = free_ports(2)
    d = c.daemon(web(c, 'k', port, 'healthcheck_action=kill', 'healthcheck_retries=1',
                     sick=c.path('sick'))
                 + web(c, 'n', port + 1, 'healthcheck_action=none', 'healthcheck_retries=1',
                       sick=c.path('sick')))
    for name in ('k', 'n'):
        d.wait_process(name, lambda p: p['state'] == 'RUNNING' and p['health'] == 'healthy',
                       'is fine')
    before = d.pids()
    touch(c.path('sick'))
    p = d.wait_process('k', lambda p: p['exit'], 'has ended')
    same(p['exit']['signal'], 'SIGKILL', 'signal')
    p = d.wait_process('n', lambda p: p['health'] == 'unhealthy', 'is unhealthy')
    same((p['pid'], p['state']), (before['n'], 'RUNNING'), 'pid and state of the other')
    check(p['healthcheck']['failures'] >= 1 and '503' in p['healthcheck']['output'],
          f'healthcheck {p["healthcheck"]}')
    os.unlink(c.path('sick'))
    p = d.wait_process('n', lambda p: p['health'] == 'healthy', 'is healthy again')
    same(p['pid'], before['n'], 'pid of the other')


@story(nobody=True)
def ready_by_health_check_means_running_at_the_first_success(c):
    port = free_port()
    touch(c.path('sick-w'))
    d = c.daemon(web(c, 'w', port, 'ready=healthcheck', 'startsecs=0',
                     'healthcheck_start_period=1h'))
    p = d.wait_process('w', lambda p: p['healthcheck']['last_ok'] is False, 'was asked')
    same((p['state'], p['health'], p['ready']), ('STARTING', 'starting', False), 'before')
    os.unlink(c.path('sick-w'))
    p = d.wait_state('w', 'RUNNING')
    same((p['health'], p['ready']), ('healthy', True), 'afterwards')
    d.wait_log('success: w entered RUNNING state, its health check has passed')


@story(nobody=True)
def a_worker_that_is_to_be_ready_is_checked_at_once_and_often(c):
    there = c.path('there')
    rare = ('ready=healthcheck', 'healthcheck_interval=1h', 'healthcheck_retries=1')
    d = c.daemon(c.program('at_once', ' sleep', 'healthcheck=exec:/bin/true',
                           'healthcheck_start_interval=1h', *rare)
                 + c.program('soon', ' sleep', f'healthcheck=exec:/bin/cat {there}',
                             'healthcheck_start_interval=20ms', *rare))
    d.wait_state('at_once', 'RUNNING')
    p = d.wait_process('soon', lambda p: p['healthcheck']['last_ok'] is False, 'was asked')
    same((p['state'], p['health']), ('STARTING', 'starting'), 'a failure within the interval')
    touch(there)
    d.wait_state('soon', 'RUNNING')


@story(nobody=True)
def a_worker_that_is_not_ready_in_time_has_failed_its_start(c):
    port = free_port()
    touch(c.path('sick-w'))
    d = c.daemon(web(c, 'w', port, 'ready=healthcheck', 'start_timeout=500ms', 'startretries=1',
                     'healthcheck_start_period=1h'))
    p = d.wait_state('w', 'FATAL')
    same(p['tries'], 2, 'tries')
    same(len(d.lines('did not become ready within')), 2, 'lines about it')
    same(p['pid'], None, 'pid')


@story(nobody=True)
def a_check_that_takes_too_long_has_failed_and_is_killed(c):
    d = c.daemon(c.program('w', ' sleep', 'healthcheck=exec:/bin/sh -c "sleep 5005 & sleep 5005"',
                           'healthcheck_timeout=200ms', 'healthcheck_retries=1',
                           'healthcheck_action=none', *QUICK))
    p = d.wait_process('w', lambda p: p['health'] == 'unhealthy', 'is unhealthy')
    has(p['healthcheck']['output'], 'timed out', 'output')
    d.order('w', 'stop')
    c.wait(lambda: not [p for p in descendants(d.pid) if '5005' in p.command()],
           'nothing of the check is left')


@story(nobody=True)
def checks_of_one_worker_never_overlap(c):
    trace = c.path('trace')
    d = c.daemon(c.program('w', ' sleep', 'healthcheck=exec:/bin/sh -c '
                           f"'echo begin >>{trace}; sleep 0.2; echo end >>{trace}'",
                           'healthcheck_interval=10ms', 'healthcheck_start_interval=10ms'))
    c.wait(lambda: read_file(trace).count('end') >= 5, 'five checks')
    d.order('w', 'stop')
    words = read_file(trace).split()
    check(re.fullmatch('(begin end )*(begin )?', ' '.join(words) + ' '), f'order {words}')


@story(nobody=True)
def a_check_runs_in_the_workers_surroundings_and_shows_a_kilobyte(c):
    out = c.path('told')
    line = f"exec:/bin/sh -c 'echo $X $SUPERVISOR_PROCESS_NAME $(pwd) $(umask) >{out}; " \
           "i=0; while [ $i -lt 300 ]; do echo 0123456789; i=$((i+1)); done'"
    d = c.daemon(c.program('w', ' sleep', f'healthcheck={line}', 'environment=X="its own"',
                           'directory=/', 'umask=031', *QUICK))
    p = d.wait_process('w', lambda p: p['health'] == 'healthy', 'is healthy')
    same(read_file(out), 'its own w / 0031\n', 'what it saw')
    check(0 < len(p['healthcheck']['output']) <= 1024, 'at most a KiB of output')


@story(root=True)
def a_check_runs_as_the_workers_user(c):
    d = c.daemon(c.program('w', ' sleep', 'user=nobody', 'healthcheck=exec:id -un', *QUICK))
    p = d.wait_process('w', lambda p: p['health'] == 'healthy', 'is healthy')
    same(p['healthcheck']['output'], 'nobody\n', 'output')


@story(nobody=True)
def the_start_period_forgives_failures(c):
    d = c.daemon(c.program('w', ' sleep', 'healthcheck=exec:/bin/false', 'healthcheck_retries=1',
                           'healthcheck_start_period=1h', *QUICK))
    p = d.wait_process('w', lambda p: p['healthcheck']['last_ok'] is False
                       and p['state'] == 'RUNNING', 'was asked')
    time.sleep(0.5)
    q = d.process('w')
    same((q['health'], q['pid']), ('starting', p['pid']), 'health and pid')


@story(nobody=True)
def a_fleet_has_a_port_each_and_only_the_sick_one_is_replaced(c):
    first = free_ports(4)
    sick = f'{c.path("sick")}-%(process_num)d'
    d = c.daemon(c.program(
        'web', f' http %(process_num)d {sick}', 'process_name=%(program_name)s_%(process_num)d',
        'numprocs=4', f'numprocs_start={first}', 'healthcheck_retries=1',
        'healthcheck=http://127.0.0.1:%(process_num)d/', *QUICK))
    for i in range(4):
        d.wait_process(f'web:web_{first + i}', lambda p: p['health'] == 'healthy'
                       and p['state'] == 'RUNNING', 'is fine')
    before = d.pids()
    touch(c.path(f'sick-{first + 2}'))
    sick = f'web:web_{first + 2}'
    d.wait_process(sick, lambda p: p['exit'], 'has ended')
    os.unlink(c.path(f'sick-{first + 2}'))
    d.wait_process(sick, lambda p: p['health'] == 'healthy', 'is healthy again')
    after = d.pids()
    same([n for n in before if before[n] != after[n]], [sick], 'replaced')


@story(nobody=True)
def a_hanging_server_is_unhealthy_and_does_not_hold_up_the_daemon(c):
    s = socket.socket()
    s.bind(('127.0.0.1', 0))
    s.listen(64)  # takes connections and never says a word
    port = s.getsockname()[1]
    d = c.daemon(c.program('w', ' sleep', f'healthcheck=http://127.0.0.1:{port}/',
                           'healthcheck_timeout=300ms', 'healthcheck_retries=2',
                           'healthcheck_action=none', *QUICK))
    p = d.wait_process('w', lambda p: p['health'] == 'unhealthy', 'is unhealthy')
    has(p['healthcheck']['output'], 'timed out', 'output')
    s.close()


@story
def a_start_that_never_becomes_healthy_is_a_failed_start(c):
    d = c.daemon(c.program('w', ' sleep', 'healthcheck=exec:/bin/false', 'ready=healthcheck',
                           'healthcheck_start_period=300ms', 'healthcheck_retries=1', 'startretries=1',
                           'startsecs=0', *QUICK))
    d.wait_state('w', 'FATAL')
    d.wait_log('failed its health check before it was ready, stopping it', 2)
    code, out, err = d.ctl('status', 'w')
    has(out, 'Stopped as unhealthy before it was ready', 'status')
