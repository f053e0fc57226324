"""Starts that do not come to an end: the child is stopped by its own user, or its directory never answers. The
daemon goes on with everything else, and the start has failed after a bound."""
import contextlib
import ctypes
import os
import pwd
import signal
import socket
import threading
import time

from e2elib import (Proc, Skipped, UnixConnection, _libc, become, check, has, kill, read_file, same, story, unmount)

LIMIT_S = 10  # engine/launches.h


_taken = []  # names that belong to this story, until its process ends


def take_user(name):
    """Two stories with one user would stop each other's processes, also stories of two runs."""
    mine = socket.socket(socket.AF_UNIX)
    try:
        mine.bind(f'\0supervisord-story-user-{name}')
    except OSError:
        mine.close()
        return False
    _taken.append(mine)
    return True


def lonely_user():
    """One that has a name and no process here."""
    busy = set()
    for pid in filter(str.isdigit, os.listdir('/proc')):
        with contextlib.suppress(OSError):
            busy.add(os.stat(f'/proc/{pid}').st_uid)
    for entry in pwd.getpwall():
        if entry.pw_uid and entry.pw_name != 'nobody' and entry.pw_uid not in busy and take_user(entry.pw_name):
            return entry.pw_name, entry.pw_uid
    raise Skipped('every user has a process')


class Watch:
    """Asks the daemon for its state all the time; how long the longest answer took."""

    def __init__(self, d):
        self.d, self.longest, self.over = d, 0.0, False
        self.error = None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.over:
            began = time.monotonic()
            try:
                same(self.d.rpc().getState()['statename'], 'RUNNING', 'state')
            except Exception as e:  # told by stop()
                self.error = e
                return
            self.longest = max(self.longest, time.monotonic() - began)
            time.sleep(0.02)

    def stop(self):
        self.over = True
        self.thread.join()
        if self.error:
            raise self.error
        return self.longest


def order_in_background(d, name, what, answers):
    def give():
        answers.append(d.request('POST', f'/v1/processes/{name}/{what}', {'wait': False},
                                 patience=LIMIT_S * 6 + d.case.patience).json())
    t = threading.Thread(target=give)
    t.start()
    return t


def is_stopped(pid):
    try:
        return Proc(pid).state == 'T'
    except (OSError, ValueError):
        return False


def at_rest(d):
    """One that was executed before it was stopped is of no use here."""
    p = d.process('victim')
    if p['pid'] and p['state'] == 'RUNNING' and is_stopped(p['pid']):
        os.kill(p['pid'], signal.SIGKILL)
    return not p['pid']


def is_executed(pid):
    try:
        return Proc(pid).name == 'true'
    except (OSError, ValueError):
        return True


def others_are_served(c, d):
    """A worker that ends is started again."""
    pid = d.process('other')['pid']
    os.kill(pid, signal.SIGKILL)
    d.wait_restarted('other', pid)


OTHER = 'startsecs=0', 'restart_delay=50ms', 'restart_delay_factor=1'


@story(root=True, slow=2)
def a_worker_that_its_user_stops_within_its_start_holds_up_nobody(c):
    name, uid = lonely_user()
    os.chmod(c.dir, 0o755)
    d = c.daemon(c.program('other', ' sleep', *OTHER)
                 + f'[program:victim]\ncommand=/bin/true\nuser={name}\nautostart=false\nautorestart=false\n'
                   'startsecs=0\nstartretries=0\nstdout_logfile=NONE\nstderr_logfile=NONE\n')
    d.wait_state('other', 'RUNNING')
    stopper = c.helper([c.worker, 'stop-newcomers'], preexec_fn=lambda: become(uid, uid))
    watch = Watch(d)
    answers, caught = [], 0
    end = time.monotonic() + 60
    while not caught and time.monotonic() < end:
        order = order_in_background(d, 'victim', 'start', answers)
        while order.is_alive():
            p = d.process('victim')
            if p['pid'] and p['state'] == 'STARTING' and is_stopped(p['pid']) and not is_executed(p['pid']):
                caught = p['pid']
                break
            at_rest(d)
            time.sleep(0.01)
        if not caught:
            order.join()
            c.wait(lambda: at_rest(d), 'the victim is at rest')
    if not caught:
        watch.stop()
        raise Skipped('the start was always faster than its user')
    others_are_served(c, d)
    order.join()
    p = d.wait_state('victim', ('BACKOFF', 'FATAL'))
    has(answers[-1].get('code', ''), 'SPAWN_ERROR', f'the answer {answers[-1]}')
    has(str(p), f"couldn't exec /bin/true within {LIMIT_S} s", 'the reason')
    d.wait_log(f"spawnerr: couldn't exec /bin/true within {LIMIT_S} s: it was stopped by a signal")
    check(watch.stop() < 2, 'nobody had to wait for an answer')
    c.wait_gone(caught)
    stopper.kill()
    stopper.wait()
    d.order('victim', 'start')
    d.wait_state('victim', 'EXITED')
    check('unknown pid' not in d.log(), 'who was given up is no stranger')


@story(root=True, long=True, slow=8)
def a_thousand_starts_beside_their_user_hold_up_nobody(c):
    name, uid = lonely_user()
    os.chmod(c.dir, 0o755)
    count = 50
    d = c.daemon(c.program('other', ' sleep', *OTHER)
                 + f'[program:victim]\ncommand=/bin/true\nuser={name}\nautostart=false\nautorestart=false\n'
                   f'startsecs=0\nstartretries=0\nstdout_logfile=NONE\nstderr_logfile=NONE\nnumprocs={count}\n'
                   'process_name=v_%(process_num)d\n')
    d.wait_state('other', 'RUNNING')

    def rest():
        """One that was executed before it was stopped is ended; the daemon ends any other by itself."""
        found = d.processes('victim:*')
        for p in found:
            if p['pid'] and p['state'] == 'RUNNING' and is_stopped(p['pid']):
                kill(p['pid'])
        return not any(p['pid'] for p in found)
    watch = Watch(d)
    for _ in range(1000 // count):
        stopper = c.helper([c.worker, 'stop-newcomers'], preexec_fn=lambda: become(uid, uid))
        d.post('/v1/processes/victim:*/start', {'wait': False}, None)
        others_are_served(c, d)
        stopper_end = time.monotonic() + LIMIT_S / 4
        c.wait(lambda: rest() or time.monotonic() > stopper_end, 'they had their time')
        stopper.kill()
        stopper.wait()
        c.wait(rest, 'all of them are at rest', lambda: str([p for p in d.processes('victim:*') if p['pid']])[:800])
    check(watch.stop() < 2, 'nobody had to wait for an answer')


def mount_that_never_answers(c, uid):
    """A FUSE file system whose server reads no request."""
    path = c.path('hangs')
    os.mkdir(path)
    try:
        fd = os.open('/dev/fuse', os.O_RDWR)
    except OSError as e:
        raise Skipped(f'no FUSE: {e}')
    gid = pwd.getpwuid(uid).pw_gid  # who has other ids may not even ask
    data = f'fd={fd},rootmode=40000,user_id={uid},group_id={gid}'.encode()
    if _libc.mount(b'hangs', path.encode(), b'fuse', 0, data) != 0:
        os.close(fd)
        raise Skipped(f'no FUSE: {os.strerror(ctypes.get_errno())}')
    c.mounts.append(path)
    return path, fd


@story(root=True, slow=2)
def a_directory_that_never_answers_holds_up_nobody(c):
    name, uid = lonely_user()
    os.chmod(c.dir, 0o755)
    d = c.daemon(c.program('other', ' sleep', *OTHER)
                 + f'[program:victim]\ncommand=/bin/sleep 1000\nuser={name}\nautostart=false\nstartretries=1\n'
                   f'directory={c.path("hangs")}\nrestart_delay=100ms\nstdout_logfile=NONE\nstderr_logfile=NONE\n')
    d.wait_state('other', 'RUNNING')
    path, fd = mount_that_never_answers(c, uid)
    watch = Watch(d)
    answers = []
    order = order_in_background(d, 'victim', 'start', answers)
    first = d.wait_process('victim', lambda p: p['state'] == 'STARTING' and p['pid'], 'hangs')['pid']
    others_are_served(c, d)
    order.join()
    has(answers[0].get('detail', '') or '', f"couldn't chdir to {path} within {LIMIT_S} s", f'answer {answers[0]}')
    d.wait_process('victim', lambda p: p['state'] == 'STARTING' and p['pid'] not in (0, None, first), 'is tried again')
    stopping = order_in_background(d, 'victim', 'stop', answers)
    stopping.join()
    check(watch.stop() < 2, 'nobody had to wait for an answer')
    os.close(fd)
    unmount(path)
    d.wait_process('victim', lambda p: p['state'] != 'STARTING', 'is stopped')


@story(root=True, slow=2)
def who_hangs_in_its_start_when_the_daemon_is_killed_is_no_second_time_there(c):
    name, uid = lonely_user()
    os.chmod(c.dir, 0o755)
    d = c.daemon(c.program('other', ' sleep', *OTHER)
                 + f'[program:victim]\ncommand=/bin/sleep 1000\nuser={name}\nautostart=false\nstartretries=0\n'
                   f'directory={c.path("hangs")}\nstdout_logfile=NONE\nstderr_logfile=NONE\n')
    d.wait_state('other', 'RUNNING')
    path, fd = mount_that_never_answers(c, uid)
    conn = UnixConnection(d.socket, c.patience)
    conn.request('POST', '/v1/processes/victim/start', '{}', {'Content-Type': 'application/json'})
    pid = d.wait_process('victim', lambda p: p['state'] == 'STARTING' and p['pid'], 'hangs')['pid']
    conn.close()
    d.kill()
    d.start()
    d.wait_state('other', 'RUNNING')
    same((d.process('victim')['state'], d.process('victim')['pid']), ('STARTING', pid), 'the victim')
    os.close(fd)
    unmount(path)
    c.wait(lambda: not os.path.exists(f'/proc/{pid}') or d.process('victim')['pid'] in (0, None, pid),
           'there is one of it')


@story(root=True, slow=2)
def who_hangs_in_its_start_has_the_same_bound_from_the_next_daemon(c):
    name, uid = lonely_user()
    os.chmod(c.dir, 0o755)
    d = c.daemon(c.program('other', ' sleep', *OTHER)
                 + f'[program:victim]\ncommand=/bin/sleep 1000\nuser={name}\nautostart=false\nstartretries=0\n'
                   f'directory={c.path("hangs")}\nstartsecs=1\nstdout_logfile=NONE\nstderr_logfile=NONE\n')
    d.wait_state('other', 'RUNNING')
    path, fd = mount_that_never_answers(c, uid)
    began = time.monotonic()
    conn = UnixConnection(d.socket, c.patience)
    conn.request('POST', '/v1/processes/victim/start', '{}', {'Content-Type': 'application/json'})
    pid = d.wait_process('victim', lambda p: p['state'] == 'STARTING' and p['pid'], 'hangs')['pid']
    c.wait(lambda: 'fuse' in read_file(f'/proc/{pid}/wchan') or 'wait_answer' in read_file(f'/proc/{pid}/wchan'),
           'it waits for the file system', lambda: read_file(f'/proc/{pid}/wchan'))
    conn.close()
    d.kill()
    d.start()
    seen = set()

    def is_over():
        p = d.process('victim')
        seen.add((p['state'], p['pid']))
        return p['state'] == 'FATAL'
    c.wait(is_over, 'its start has failed')
    same(seen - {('FATAL', 0), ('FATAL', None)}, {('STARTING', pid)}, 'what it was')
    check(time.monotonic() - began > LIMIT_S - 1, 'it had its time')
    has(d.process('victim')['spawn_error'], f"couldn't exec /bin/sleep within {LIMIT_S} s", 'why')
    d.wait_state('other', 'RUNNING')
    os.close(fd)
    unmount(path)
    c.wait_gone(pid)
    check('success: victim' not in d.log(), 'it never was RUNNING')


def victims_on(path):
    """Everything that the daemon runs by itself, of a file system that never answers."""
    never = 'startretries=100\nrestart_delay=100ms\nstdout_logfile=NONE\nstderr_logfile=NONE\n'
    return (f'[program:victim]\ncommand={path}/bin/worker\n{never}'
            f'[program:searched]\ncommand=worker\nenvironment=PATH="{path}/bin:/bin"\n{never}'
            f'[program:probed]\ncommand=/bin/sleep 1000\nhealthcheck=exec:{path}/check\n'
            f'healthcheck_interval=200ms\nhealthcheck_timeout=100ms\nhealthcheck_retries=2\nhealthcheck_action=none\n{never}'
            f'[program:over]\ncommand=/bin/false\nstartretries=0\non_fatal=exec:{path}/hook\n'
            'stdout_logfile=NONE\nstderr_logfile=NONE\n')


@story(root=True, slow=2)
def a_program_on_a_disk_that_never_answers_holds_up_nobody(c):
    path, fd = mount_that_never_answers(c, 0)
    d = c.daemon(c.program('other', ' sleep', *OTHER) + victims_on(path))
    d.wait_state('other', 'RUNNING')
    watch = Watch(d)
    first = d.wait_process('victim', lambda p: p['state'] == 'STARTING' and p['pid'], 'hangs')['pid']
    d.wait_process('searched', lambda p: p['state'] == 'STARTING' and p['pid'], 'hangs')
    d.wait_state('over', 'FATAL')
    d.wait_log("on_fatal of 'over': running pid")
    d.wait_process('probed', lambda p: p['health'] == 'unhealthy', 'is unhealthy')
    others_are_served(c, d)
    d.wait_log(f"spawnerr: couldn't exec {path}/bin/worker within {LIMIT_S} s: ")
    d.wait_log(f"spawnerr: couldn't exec worker within {LIMIT_S} s: ")
    d.wait_log(f"on_fatal command could not be run: couldn't exec {path}/hook within {LIMIT_S} s: ")
    check('on_fatal command ended' not in d.log(), 'what was never executed has not ended')
    d.wait_process('victim', lambda p: p['state'] == 'STARTING' and p['pid'] not in (0, None, first), 'is tried again')
    check(watch.stop() < 2, 'nobody had to wait for an answer')
    for name in 'victim', 'searched':
        order_in_background(d, name, 'stop', []).join()
    os.close(fd)
    unmount(path)
