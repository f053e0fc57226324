"""Descendants of a program: they are stopped with it, have their time, and are found wherever they went."""
import os
import signal
import time

from e2elib import alive, all_procs, check, descendants, has, kill, lacks, read_file, same, story, write_file

# Says "ready", and at SIGTERM "told", works for so long, and says "done". SIGHUP is another order.
BELOW = '''#!/bin/bash
say() { echo "$1 $$ ${EPOCHREALTIME//[!0-9]/}000" >>"$0.said"; } # no process that a signal could end
trap 'say told; sleep "$work" & wait $!; say done; exit 0' TERM
trap 'say hup; say done; exit 0' HUP
work=$1
say ready
while :; do sleep 0.1 & wait $!; done
'''

KEYS = ('stopasgroup=true', 'killasgroup=true', '')


class Below:
    """The script, and what it has said."""

    def __init__(self, c, name='below', text=BELOW):
        self.case, self.path = c, c.path(name)
        write_file(self.path, text, 0o755)

    def said(self, word):
        return [(int(p), int(at) / 1e9) for w, p, at in
                (line.split() for line in read_file(self.path + '.said').splitlines()) if w == word]

    def wait(self, word, count=1):
        self.case.wait(lambda: len(self.said(word)) >= count, f'{word!r} is said {count} times',
                       lambda: read_file(self.path + '.said'))
        return self.said(word)


def wrapped(b, work, *, name='w', lines=()):
    """As people do: in a shell that waits for it and dies of SIGTERM at once."""
    return b.case.program(name, f'/bin/sh -c "{b.path} {work}; echo never"', *lines)



def finishes(c, b, d, stop):
    """The descendant gets one signal and has its time; only then the order is answered."""
    b.wait('ready')
    began = time.time()
    stop(d)
    answered = time.time()
    pid, = {p for p, _ in b.said('ready')}
    same([p for p, _ in b.said('told')], [pid], 'told, once')
    (_, done), = b.wait('done')
    check(done >= began + 0.9, 'it had its time')
    check(answered >= done, f'the answer came {done - answered:.3f} s before its end')
    check(not alive(pid), 'it is gone')


@story(nobody=True)
def descendants_finish_before_their_program_is_stopped(c):
    for n, keys in enumerate(KEYS[:2]):
        b = Below(c, f'below{n}')
        d = c.daemon(wrapped(b, 1, lines=(keys,)), name=f'd{n}')
        finishes(c, b, d, lambda d: same(d.order('w', 'stop')['state'], 'STOPPED', 'state'))
        lacks(d.log(), 'killed what', 'main log')


@story()
def descendants_finish_whichever_way_the_program_is_stopped(c):
    def restart(d):
        d.order('w', 'restart')

    def remove(d):
        d.apply('')
        c.wait(lambda: d.names() == [], 'it is gone')

    def shrink(d):
        d.scale('w', replicas=0)
        c.wait(lambda: d.names() == [], 'it is gone')

    def group(d):
        d.rpc().stopProcessGroup('w')

    def exchange(d):
        d.apply(d.text.replace('echo never', 'echo not'))
        d.wait_log("spawned: 'w'", 2)

    for n, how in enumerate((restart, remove, shrink, group, exchange)):
        b = Below(c, f'{how.__name__}')
        d = c.daemon(wrapped(b, 1, lines=('stopasgroup=true', 'startsecs=0')), name=f'd{n}')
        b.wait('ready')
        pid = b.said('ready')[0][0]
        how(d)
        (_, done), = b.wait('done')
        same([p for p, _ in b.said('told')], [pid], f'{how.__name__}: told, once')
        if how in (restart, exchange):
            check(b.wait('ready', 2)[1][1] >= done, f'{how.__name__}: the next one began too early')
        d.stop()


@story()
def descendants_finish_also_when_the_program_is_unhealthy_or_late(c):
    for n, lines in enumerate((('healthcheck_action=restart', 'healthcheck_retries=1'),
                               ('ready=healthcheck', 'start_timeout=1s'))):
        b = Below(c, f'below{n}')
        d = c.daemon(wrapped(b, 1, lines=(
            'stopasgroup=true', 'startsecs=0', 'healthcheck=exec:false',
            'healthcheck_interval=300ms', 'healthcheck_start_interval=300ms', *lines)), name=f'd{n}')
        (pid, _), = b.wait('ready')[:1]
        (_, done), = b.wait('done')[:1]
        same([p for p, _ in b.said('told')][:1], [pid], 'told')
        check(b.wait('ready', 2)[1][1] >= done, 'the next one began too early')
        lacks(d.log(), 'killed what', 'main log')
        d.configure('')
        d.reload()


@story(nobody=True)
def at_shutdown_every_program_waits_for_its_descendants(c):
    for n, keys in enumerate(KEYS):
        b = Below(c, f'below{n}')
        d = c.daemon(wrapped(b, 1, lines=(keys,)), name=f'd{n}')
        finishes(c, b, d, lambda d: d.stop(0))
        lacks(d.log(), 'killed', 'main log')


@story(nobody=True)
def descendants_get_the_programs_own_stop_signal(c):
    b = Below(c)
    d = c.daemon(wrapped(b, 0, lines=('stopsignal=HUP', 'stopwaitsecs=20')))
    b.wait('ready')
    began = time.monotonic()
    d.stop()
    check(time.monotonic() - began < 15, 'it was not told')
    same(len(b.said('hup')), 1, 'told')
    same(b.said('told'), [], 'SIGTERM')


@story(nobody=True)
def descendants_are_killed_when_their_time_is_over(c):
    for n, keys in enumerate(KEYS):
        b = Below(c, f'below{n}')
        d = c.daemon(wrapped(b, 100, lines=(keys, 'stopwaitsecs=2')), name=f'd{n}')
        (pid, _), = b.wait('ready')
        began = time.monotonic()
        if keys:
            d.order('w', 'stop')
        else:
            d.stop()
        took = time.monotonic() - began
        check(1.9 <= took < 12, f'{keys}: stopped after {took:.1f} s')
        check(not alive(pid), 'it is gone')
        same((len(b.said('told')), b.said('done')), (1, []), 'what it said')
        has(d.log(), f"killed what 'w' left over: pid {pid} ", 'main log')


@story(nobody=True)
def without_the_keys_leftovers_are_named_and_left_alone(c):
    b = Below(c)
    d = c.daemon(wrapped(b, 0))
    (pid, _), = b.wait('ready')
    began = time.monotonic()
    same(d.order('w', 'stop')['state'], 'STOPPED', 'state')
    check(time.monotonic() - began < 5, 'nothing is waited for')
    d.wait_log(f"left over from 'w': pid {pid} ")
    d.order('w', 'start')
    b.wait('ready', 2)
    check(alive(pid), 'it goes on')
    same(b.said('told'), [], 'told')


@story(nobody=True)
def an_order_meanwhile_is_for_afterwards(c):
    b = Below(c)
    d = c.daemon(wrapped(b, 2, lines=('stopasgroup=true', 'startsecs=0')))
    b.wait('ready')
    d.order('w', 'stop', 202, wait=False)
    b.wait('told')
    same(d.process('w')['state'], 'STOPPING', 'state')
    d.order('w', 'restart', 202, wait=False)
    d.wait_log("spawned: 'w'", 2)
    check(b.wait('ready', 2)[1][1] >= b.said('done')[0][1], 'the next one began too early')
    same(len(b.said('told')), 1, 'told')


@story(nobody=True)
def a_second_order_does_not_prolong_the_descendants_time(c):
    b = Below(c)
    d = c.daemon(wrapped(b, 100, lines=('stopasgroup=true', 'stopwaitsecs=3')))
    b.wait('ready')
    began = time.monotonic()
    d.order('w', 'stop', 202, wait=False)
    b.wait('told')
    time.sleep(2)
    d.order('w', 'restart', 202, wait=False)
    d.order('w', 'stop', 202, wait=False)
    d.wait_state('w', 'STOPPED')
    check(2.9 <= time.monotonic() - began < 4.9 * c.options.patience, 'the deadline has moved')


@story()
def a_kill_of_the_daemon_takes_nothing_of_the_descendants_time(c):
    for n, keys in enumerate(KEYS[:2]):
        b = Below(c, f'below{n}')
        d = c.daemon(wrapped(b, 3, lines=(keys,)), name=f'd{n}')
        (pid, _), = b.wait('ready')
        d.order('w', 'stop', 202, wait=False)
        b.wait('told')
        d.process('w')  # answered when the record says that it was told
        d.kill()
        d.start()
        same(d.process('w')['state'], 'STOPPING', 'state')
        check(alive(pid), 'it lives')
        d.wait_state('w', 'STOPPED')
        same((len(b.said('told')), len(b.said('done'))), (1, 1), 'told, and done')
        lacks(d.log(), 'killed what', 'main log')


@story()
def after_a_kill_of_the_daemon_the_descendants_time_ends_as_well(c):
    b = Below(c)
    d = c.daemon(wrapped(b, 100, lines=('killasgroup=true', 'stopwaitsecs=4')))
    (pid, _), = b.wait('ready')
    d.order('w', 'stop', 202, wait=False)
    b.wait('told')
    d.process('w')  # answered when the record says that it was told
    d.kill()
    d.start()
    d.wait_state('w', 'STOPPED')
    check(not alive(pid), 'it is gone')
    same(len(b.said('told')), 1, 'told')


@story()
def descendants_get_the_signal_that_a_killed_daemon_did_not_send(c):
    c.use_fault_points()
    b = Below(c)
    d = c.daemon(wrapped(b, 1, lines=('killasgroup=true',)), start=False)
    d.start(env=dict(os.environ, SUPERVISORD_FAULT='reap.noted:1'))
    b.wait('ready')
    d.killed = signal.SIGKILL
    try:
        d.order('w', 'stop', 202, wait=False)
    except OSError:
        pass
    d.wait_end()
    same(b.said('told'), [], 'told')
    d.start()
    d.wait_state('w', 'STOPPED')
    same((len(b.said('told')), len(b.said('done'))), (1, 1), 'told, and done')


@story()
def an_upgrade_takes_nothing_of_the_descendants_time(c):
    b = Below(c)
    d = c.daemon(wrapped(b, 3, lines=('stopasgroup=true',)))
    (pid, _), = b.wait('ready')
    d.order('w', 'stop', 202, wait=False)
    b.wait('told')
    d.post('/v1/upgrade', status=202)
    d.wait_state('w', 'STOPPED')
    same((len(b.said('told')), len(b.said('done'))), (1, 1), 'told, and done')
    check(not alive(pid), 'it is gone')


@story(nobody=True)
def after_an_exit_the_next_start_waits_for_the_descendants(c):
    b = Below(c)
    d = c.daemon(wrapped(b, 1, lines=('stopasgroup=true', 'startsecs=0', 'restart_delay=1s',
                                      'restart_jitter=0')))
    (pid, _), = b.wait('ready')
    kill(d.process('w')['pid'])
    d.wait_log(f"left over from 'w': pid {pid} ")
    (_, done), = b.wait('done')
    check(b.wait('ready', 2)[1][1] >= done, 'the next one began too early')
    same([p for p, _ in b.said('told')], [pid], 'told, once')


@story(nobody=True)
def a_start_by_order_waits_for_the_descendants_and_a_stop_cancels_it(c):
    b = Below(c)
    d = c.daemon(wrapped(b, 1, lines=('killasgroup=true', 'startsecs=0', 'autorestart=false')))
    (pid, _), = b.wait('ready')
    kill(d.process('w')['pid'])
    d.wait_state('w', 'EXITED')
    d.wait_log(f"left over from 'w': pid {pid} ")
    time.sleep(0.3)
    check(alive(pid) and not b.said('told'), 'until the next order nothing is done to it')
    d.order('w', 'start')
    check(b.wait('ready', 2)[1][1] >= b.said('done')[0][1], 'the next one began too early')
    pid = b.said('ready')[1][0]
    kill(d.process('w')['pid'])
    d.wait_state('w', 'EXITED')
    d.wait_log(f"left over from 'w': pid {pid} ")
    same(d.order('w', 'stop')['state'], 'STOPPED', 'state')
    check(not alive(pid), 'it is gone')


@story()
def shutdown_gives_time_to_leftovers_of_earlier_runs(c):
    b = Below(c)
    d = c.daemon(wrapped(b, 1, lines=('startsecs=0', 'autorestart=false')))
    (pid, _), = b.wait('ready')
    kill(d.process('w')['pid'])
    d.wait_log(f"left over from 'w': pid {pid} ")
    d.stop()
    same((len(b.said('told')), len(b.said('done'))), (1, 1), 'told, and done')


@story()
def a_shutdown_with_a_timeout_waits_for_no_descendant(c):
    b = Below(c)
    d = c.daemon(wrapped(b, 100, lines=('stopwaitsecs=3600',)), supervisord='shutdown_timeout=1s')
    (pid, _), = b.wait('ready')
    began = time.monotonic()
    d.stop()
    check(time.monotonic() - began < 10, 'it was waited for')
    check(not alive(pid), 'it is gone')


# ---- wherever it went

def sleepers(seconds):
    """All processes of this machine that sleep so long. Each story has its own number."""
    return [p for p in all_procs() if p.name == 'sleep' and p.state != 'Z'
            and p.command().split() == ['sleep', str(seconds)]]


AWAY = {  # how it gets away from its worker; "%s": what it is then
    'a session': '(setsid %s &); sleep 1000',
    'twice forked': '(setsid sh -c \'%s & exit\' &); sleep 1000',
    'group only': 'set -m; (%s &); sleep 1000',
    'by a parent that lives': 'setsid sh -c \'%s; true\' & sleep 1000',
}


def away(how, seconds):
    return '/bin/sh -c "' + AWAY[how].replace('%s', f'sleep {seconds}') + '"'


@story(nobody=True)
def a_daemon_that_has_left_is_stopped_with_its_program(c):
    seconds = 1000000 + os.getpid()
    for how in AWAY:
        for keys in KEYS[:2]:
            d = c.daemon(c.program('w', away(how, seconds), keys, 'startsecs=0'),
                         name=f'{how} {keys}'.replace(' ', '-'))
            c.wait(lambda: len(sleepers(seconds)) == 1, f'{how}: it is there')
            first, = sleepers(seconds)
            d.order('w', 'restart')
            c.wait(lambda: [p.pid for p in sleepers(seconds)] not in ([], [first.pid]), 'the next one')
            same(len(sleepers(seconds)), 1, f'{how}, {keys}: after a restart')
            d.order('w', 'stop')
            same(sleepers(seconds), [], f'{how}, {keys}: after a stop')
            d.stop()


@story(nobody=True)
def a_descendant_of_another_program_is_left_alone(c):
    a, b = 2000000 + os.getpid(), 3000000 + os.getpid()
    d = c.daemon(c.program('a', away('a session', a), 'stopasgroup=true')
                 + c.program('b', away('a session', b), 'stopasgroup=true')
                 + '[group:g]\nprograms=a\n')
    c.wait(lambda: sleepers(a) and sleepers(b), 'they are there')
    d.order('b', 'stop')
    same((len(sleepers(a)), sleepers(b)), (1, []), 'after the stop of b')
    d.order('g:a', 'stop')
    same(sleepers(a), [], 'after the stop of a')


@story(nobody=True)
def leftovers_of_a_crash_are_named_at_once(c):
    seconds = 4000000 + os.getpid()
    command = f'/bin/sh -c "setsid sleep {seconds} & sleep 0.3; exit 1"'
    d = c.daemon(c.program('w', command, 'startsecs=0', 'restart_delay=1h', 'restart_delay_max=1h'))
    d.wait_process('w', lambda p: p['crashes'] == 2, 'has crashed twice')
    for p in sleepers(seconds):
        d.wait_log(f"left over from 'w': pid {p.pid} sleep {seconds}")
    same(len(sleepers(seconds)), 2, 'without the keys each crash leaves one')
    same(len(d.lines("left over from 'w'")), 2, 'each is named once')
    same(len(d.process('w')['leftovers']), 2, 'leftovers')


@story(nobody=True)
def leftovers_of_a_crash_are_killed_at_the_next_start_with_the_keys(c):
    seconds = 5000000 + os.getpid()
    command = f'/bin/sh -c "setsid sleep {seconds} & sleep 0.3; exit 1"'
    for n, keys in enumerate(KEYS[:2]):
        d = c.daemon(c.program('w', command, 'startsecs=0', 'restart_delay=100ms', keys,
                               'restart_delay_factor=1'), name=f'd{n}')
        most = 0
        for _ in range(30):
            most = max(most, len(sleepers(seconds)))
            time.sleep(0.03)
        d.wait_process('w', lambda p: p['crashes'] >= 4, 'has crashed')
        check(most <= 1, f'{most} at once')
        d.order('w', 'stop')
        same(sleepers(seconds), [], 'after the stop')
        d.stop()


@story(nobody=True)
def a_failed_start_leaves_no_descendant(c):
    seconds = 6000000 + os.getpid()
    d = c.daemon(c.program('w', f'/bin/sh -c "setsid sleep {seconds} & sleep 0.2; exit 1"',
                           'stopasgroup=true', 'restart_delay=100ms', 'startretries=2'))
    d.wait_state('w', 'FATAL')
    c.wait(lambda: len(sleepers(seconds)) == 1, 'that of the last try is left')
    d.order('w', 'stop')
    same((sleepers(seconds), d.process('w')['state']), ([], 'STOPPED'), 'after a stop')


@story()
def descendants_are_found_after_a_kill_of_the_daemon(c):
    alive_at, ended = 7000000 + os.getpid(), 8000000 + os.getpid()
    d = c.daemon(c.program('w', away('a session', alive_at), 'stopasgroup=true')
                 + c.program('e', f'/bin/sh -c "setsid sleep {ended} & sleep 0.3; exit 0"',
                             'stopasgroup=true', 'startsecs=0', 'autorestart=false'))
    c.wait(lambda: sleepers(alive_at) and sleepers(ended), 'they are there')
    d.wait_log("left over from 'e'")
    d.kill()
    d.start()
    d.wait_state('w', 'RUNNING')
    d.order('w', 'stop')
    same(sleepers(alive_at), [], 'after the stop')
    d.order('e', 'stop')
    same(sleepers(ended), [], 'after the stop')


@story(nobody=True)
def leftovers_of_health_checks_are_killed(c):
    seconds = 9000000 + os.getpid()
    d = c.daemon(c.program('w', ' sleep', 'healthcheck_interval=300ms', 'healthcheck_retries=100',
                           f'healthcheck=exec:/bin/sh -c "setsid sleep {seconds} & sleep 0.1"'))
    d.wait_log("killed what a health check of 'w' left over: pid ", 3)
    check(len(sleepers(seconds)) < 6, 'they gather')
    pid = d.process('w')['pid']
    d.order('w', 'stop')
    c.wait(lambda: sleepers(seconds) == [], 'nothing is left')
    lacks(d.log(), "left over from 'w'", 'main log')
    check(not alive(pid), 'it is gone')


@story(nobody=True)
def leftovers_of_an_on_fatal_command_are_not_the_programs(c):
    seconds = 10000000 + os.getpid()
    d = c.daemon(c.program('w', ' exit 1', 'startretries=0', 'stopasgroup=true',
                           f'on_fatal=exec:/bin/sh -c "setsid sleep {seconds} & sleep 0.1"'))
    d.wait_state('w', 'FATAL')
    c.wait(lambda: len(sleepers(seconds)) == 1, 'it is there')
    d.order('w', 'start', None, wait=False)
    d.wait_log("gave up: w", 2)
    same(len(sleepers(seconds)) >= 1, True, 'it is let alone')


@story()
def an_orphan_of_no_program_is_terminated_at_shutdown(c):
    b = Below(c)
    d = c.daemon(c.program('w', f'/bin/sh -c "(env -i setsid {b.path} 1 &); sleep 1000"'))
    b.wait('ready')
    d.stop()
    same((len(b.said('told')), len(b.said('done'))), (1, 1), 'told, and done')


# ---- who forks on

@story()
def processes_that_fork_without_end_are_gone_after_a_stop(c):
    kinds = [(keys, *rest) for keys in KEYS[:2] for rest in (('', 60), (' deaf', 1))]
    d = c.daemon(''.join(c.program(f'w{n}', f' comet {1 + n % 3}{deaf}', keys, f'stopwaitsecs={wait}',
                                   'autostart=false') for n, (keys, deaf, wait) in enumerate(kinds)))
    for name in d.names():
        d.order(name, 'start')
        c.wait(lambda: len(descendants(d.pid)) > 20, 'it forks')
        began = time.monotonic()
        d.order(name, 'stop')
        took = time.monotonic() - began
        same([p for p in descendants(d.pid) if p.state != 'Z'], [], f'{name}: left')
        check(took < 20, f'{name}: gone after {took:.1f} s')


@story()
def processes_that_fork_without_end_are_gone_after_a_shutdown(c):
    d = c.daemon(c.program('w', ' comet 3', 'stopwaitsecs=1'))
    c.wait(lambda: len(descendants(d.pid)) > 20, 'it forks')
    d.stop()
