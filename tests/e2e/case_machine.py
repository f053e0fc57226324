"""States: when a worker counts as started, when it is started again, and when it is given up."""
import os

from e2elib import alive, check, has, lacks, read_file, same, story


@story(nobody=True)
def autorestart_and_exitcodes_decide_about_the_next_start(c):
    rows = [  # autorestart, exit code, exitcodes, is it started again?
        ('true', 0, '0', True), ('true', 3, '0', True), ('false', 0, '0', False),
        ('false', 3, '0', False), ('unexpected', 0, '0', False), ('unexpected', 3, '0', True),
        ('unexpected', 3, '0,3', False), ('unexpected', 0, '3', True),
    ]
    text = ''
    for i, (auto, code, codes, _) in enumerate(rows):
        text += c.program(f'p{i}', f' exit {code}', 'startsecs=0', f'autorestart={auto}',
                          f'exitcodes={codes}', 'restart_delay=20ms', 'restart_delay_factor=1')
    text += c.program('crash', ' crash', 'startsecs=0', 'exitcodes=0,11,139', 'restart_delay=20ms',
                      'restart_delay_factor=1')
    d = c.daemon(text)
    for i, (auto, code, codes, again) in enumerate(rows):
        if again:
            p = d.wait_process(f'p{i}', lambda p: p['restarts'] >= 2, 'was started again')
        else:
            p = d.wait_state(f'p{i}', 'EXITED')
            same((p['restarts'], p['next_start_at']), (0, None), f'restarts of p{i}')
        same(p['exit']['code'], code, f'exit code of p{i}')
        same(p['exit']['expected'], str(code) in codes.split(','), f'exit.expected of p{i}')
    p = d.wait_process('crash', lambda p: p['restarts'] >= 2, 'was started again')
    same((p['exit']['code'], p['exit']['signal'], p['exit']['expected']), (None, 'SIGSEGV', False),
         'ending of the crashed one')
    d.wait_log('exited: crash (terminated by SIGSEGV; not expected)')
    d.wait_log('exited: p0 (exit status 0; expected)')
    d.wait_log('exited: p7 (exit status 0; not expected)')


@story(nobody=True)
def a_start_counts_after_startsecs_and_not_before(c):
    d = c.daemon(c.program('slow', ' sleep', 'startsecs=1') + c.program('now', ' sleep', 'startsecs=0')
                 + c.program('early', ' exit 0 300', 'startsecs=1', 'startretries=0'))
    d.wait_state('slow', 'RUNNING')
    spawned, up = d.moments("spawned: 'slow'")[0], d.moments('success: slow entered RUNNING')[0]
    check(up - spawned >= 0.99, f'RUNNING after {up - spawned} s')
    d.wait_state('now', 'RUNNING')
    p = d.wait_state('early', 'FATAL')
    same(p['spawn_error'], 'Exited too quickly (process log may have details)', 'spawn_error')
    d.wait_log('exited: early (exit status 0; not expected)')


@story(nobody=True)
def start_retries_end_in_fatal_after_one_more_start(c):
    d = c.daemon(c.program('w', ' exit 1', 'startretries=3', 'restart_delay=30ms'))
    p = d.wait_state('w', 'FATAL')
    same(len(d.lines("spawned: 'w' with pid")), 4, 'starts')
    same(p['tries'], 4, 'tries')
    d.wait_log('gave up: w entered FATAL state, too many start retries too quickly')
    d.order('w', 'start', status=None, wait=False)
    d.wait_log("spawned: 'w' with pid", 8)
    d.wait_state('w', 'FATAL')
    same(len(d.lines("spawned: 'w' with pid")), 8, 'starts after a new order')


@story(nobody=True)
def the_wait_between_failed_starts_grows_up_to_its_cap(c):
    d = c.daemon(c.program('w', ' exit 1', 'startretries=4', 'restart_delay=200ms',
                           'restart_delay_max=500ms', 'restart_jitter=0'))
    d.wait_state('w', 'FATAL')
    at = d.moments("spawned: 'w' with pid")
    gaps = [b - a for a, b in zip(at, at[1:])]
    for gap, least in zip(gaps, (0.2, 0.4, 0.5, 0.5)):
        check(gap >= least - 0.01, f'gaps {gaps}: expected at least 0.2, 0.4, 0.5, 0.5')


@story(nobody=True)
def a_crash_after_running_is_restarted_at_once_and_then_later_and_later(c):
    d = c.daemon(c.program('w', ' crash', 'startsecs=0', 'restart_delay=200ms', 'restart_jitter=0'))
    d.wait_log("spawned: 'w' with pid", 5)
    at = d.moments("spawned: 'w' with pid")
    gaps = [b - a for a, b in zip(at, at[1:])]
    for gap, least in zip(gaps[1:], (0.2, 0.4, 0.8)):
        check(gap >= least - 0.01, f'gaps {gaps}: expected at least 0, 0.2, 0.4, 0.8')
    p = d.wait_process('w', lambda p: p['state'] == 'EXITED', 'waits as EXITED')
    check(p['crashes'] >= 5, f'crashes: {p["crashes"]}')
    check(p['next_start_at'], 'next_start_at is there')
    has(p['next_start_why'], 'terminated by SIGSEGV', 'next_start_why')
    lacks(d.log(), 'FATAL', 'main log')


@story(nobody=True)
def crashes_are_forgotten_after_healthy_uptime(c):
    d = c.daemon(c.program('w', ' crash 600', 'startsecs=0', 'restart_delay=20s',
                           'restart_reset=300ms'))
    p = d.wait_process('w', lambda p: p['restarts'] >= 3, 'was started again three times')
    check(p['crashes'] <= 1, f'crashes: {p["crashes"]}')


@story(nobody=True)
def expected_ends_are_paced_to_ten_a_second(c):
    d = c.daemon(c.program('w', ' exit 0', 'startsecs=0', 'autorestart=true'))
    d.wait_log("spawned: 'w' with pid", 25)
    at = d.moments("spawned: 'w' with pid")
    for i in range(len(at) - 12):
        check(at[i + 12] - at[i] >= 0.95, f'13 starts within {at[i + 12] - at[i]} s')
    same(d.process('w')['crashes'], 0, 'crashes')


@story(nobody=True)
def no_restart_delay_means_no_waiting_at_all(c):
    d = c.daemon(c.program('w', ' exit 1', 'startsecs=0', 'autorestart=true', 'restart_delay=0'))
    # ten a second would not get there as long as anybody waits
    d.wait_log("spawned: 'w' with pid", int(c.patience * 15))
    d.order('w', 'stop', status=None)
    d.wait_state('w', ('STOPPED', 'EXITED'))


@story(nobody=True)
def the_breaker_gives_up_on_a_worker_that_keeps_crashing(c):
    d = c.daemon(c.program('w', ' exit 1', 'startsecs=0', 'restart_delay=20ms',
                           'restart_limit=3/10m')
                 + c.program('fine', ' exit 0', 'startsecs=0', 'autorestart=true',
                             'restart_limit=3/10m'))
    p = d.wait_state('w', 'FATAL')
    same(len(d.lines("spawned: 'w' with pid")), 4, 'starts')
    d.wait_log('gave up: w entered FATAL state, more than 3 failures within 600 s (restart_limit)')
    d.wait_process('fine', lambda p: p['restarts'] > 6, 'is restarted: expected ends do not count')
    same(p['next_start_at'], None, 'next_start_at')


@story(nobody=True)
def on_fatal_shutdown_ends_the_daemon_with_three(c):
    d = c.daemon(c.program('w', ' exit 1', 'startretries=0', 'on_fatal=shutdown')
                 + c.program('other', ' sleep'), start=False)
    d.launch()
    d.wait_end(3)
    has(d.log(), "'w' is FATAL and has on_fatal=shutdown: ending with exit code 3", 'main log')
    d.wait_log('stopped: other (terminated by SIGTERM)')


@story(nobody=True)
def on_fatal_exec_runs_a_command_that_knows_the_worker(c):
    out = c.path('told')
    d = c.daemon(c.program(
        'w', ' exit 1', 'startretries=0',
        f"on_fatal=exec:/bin/sh -c 'echo $SUPERVISOR_PROCESS_NAME $0 >{out}' %(program_name)s"))
    c.wait(lambda: read_file(out) == 'w w\n', 'the command has run', lambda: d.log()[-500:])
    d.wait_log('on_fatal command ended (exit status 0)')
    d.wait_state('w', 'FATAL')


@story(nobody=True)
def a_stop_while_waiting_cancels_the_next_start(c):
    d = c.daemon(c.program('back', ' exit 1', 'restart_delay=1h', 'restart_delay_max=1h')
                 + c.program('crash', ' exit 1 200', 'startsecs=0', 'restart_delay=1h',
                             'restart_delay_max=1h'))
    p = d.wait_state('back', 'BACKOFF')
    check(p['next_start_at'], 'next_start_at')
    has(p['next_start_why'], 'failed start 1 of 4', 'next_start_why')
    same(d.order('back', 'stop')['state'], 'STOPPED', 'state')
    p = d.wait_process('crash', lambda p: p['crashes'] == 2 and p['state'] == 'EXITED',
                       'waits after its second crash')
    check(p['next_start_at'], 'next_start_at')
    same(d.order('crash', 'stop')['state'], 'STOPPED', 'state')
    same(d.process('crash')['next_start_at'], None, 'next_start_at after the stop')


@story(nobody=True)
def a_start_while_waiting_starts_at_once(c):
    flag = c.path('flag')
    script = f"/bin/sh -c 'test -e {flag} && exec {c.worker} sleep; exit 1'"
    d = c.daemon(c.program('w', script, 'startsecs=0', 'restart_delay=1h', 'restart_delay_max=1h'))
    d.wait_process('w', lambda p: p['crashes'] == 2 and p['state'] == 'EXITED', 'waits')
    open(flag, 'w').close()
    p = d.order('w', 'start')
    same(p['state'], 'RUNNING', 'state')
    check(alive(p['pid']), 'it runs')


@story(nobody=True)
def starts_and_stops_answer_when_they_are_done(c):
    d = c.daemon(c.program('w', ' sleep', 'autostart=false', 'startsecs=1')
                 + c.program('bad', ' exit 1', 'autostart=false', 'startretries=0'))
    same(d.process('w')['state'], 'STOPPED', 'state before')
    same(d.process('w')['description'], 'Not started', 'description')
    same(d.order('w', 'start', 202, wait=False)['state'], 'STARTING', 'state at once')
    p = d.wait_state('w', 'RUNNING')
    q = d.order('w', 'restart')
    same(q['state'], 'RUNNING', 'state after the restart')
    check(q['pid'] != p['pid'] and not alive(p['pid']), 'it is another process')
    same(d.order('w', 'start', 409)['code'], 'ALREADY_STARTED', 'code')
    same(d.order('w', 'stop')['state'], 'STOPPED', 'state')
    same(d.order('w', 'stop', 409)['code'], 'NOT_RUNNING', 'code')
    a = d.order('bad', 'start', None)
    check(a.get('code') in ('SPAWN_ERROR', 'ABNORMAL_TERMINATION'), f'answer {a}')
    same(d.order('absent', 'start', 404)['code'], 'BAD_NAME', 'code')


@story(nobody=True)
def priorities_order_the_start_and_in_reverse_the_stop(c):
    d = c.daemon(c.program('last', ' sleep', 'priority=30') + c.program('first', ' sleep', 'priority=10')
                 + c.program('mid', ' sleep', 'priority=20'))
    d.wait_all('RUNNING', 3)
    d.stop()
    same([x.split("'")[1] for x in d.lines('spawned:')], ['first', 'mid', 'last'], 'order of starts')
    same([x.split()[4] for x in d.lines('stopped:')], ['last', 'mid', 'first'], 'order of stops')


@story(nobody=True)
def a_signal_reaches_the_worker_and_only_names_of_signals_are_taken(c):
    d = c.daemon(c.program('w', ' ignore-term'))
    p = d.wait_state('w', 'RUNNING')
    d.wait_worker_log('w', 'ready')
    d.order('w', 'signal', signal='TERM')
    d.wait_worker_log('w', 'ignored SIGTERM')
    same(d.process('w')['pid'], p['pid'], 'pid')
    same(d.order('w', 'signal', 400, signal='NONSENSE')['code'], 'BAD_SIGNAL', 'code')
    d.order('w', 'signal', signal='KILL')
    d.wait_process('w', lambda q: q['pid'] not in (None, p['pid']), 'was started again')
    has(d.log(), 'terminated by SIGKILL; not expected', 'main log')
    os.kill(d.process('w')['pid'], 9)
