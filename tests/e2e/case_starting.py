"""Starts that do not come to an end: the child is stopped by its own user, or its directory never answers. The
daemon goes on with everything else, and the start has failed after a bound."""
import contextlib
import ctypes
import errno
import os
import platform
import pwd
import shutil
import signal
import socket
import struct
import threading
import time
import xmlrpc.client

from e2elib import (Proc, Skipped, UnixConnection, _libc, all_procs, become, check, has, kill, prctl, read_file, same,
                    story, unmount)

LIMIT_S = 10  # engine/run/launches.h
PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_SET_NO_NEW_PRIVS = 22, 2, 38
EXECVEAT = {'x86_64': 322, 'aarch64': 281}


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
    """A user that has a name and no process on this machine."""
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


def without_starter():
    """A filter of system calls that lets no program in memory be executed: starts copy the daemon."""
    class Program(ctypes.Structure):
        _fields_ = [('len', ctypes.c_ushort), ('code', ctypes.c_void_p)]
    steps = ((0x20, 0, 0, 0),  # the call's number
             (0x15, 0, 1, EXECVEAT[platform.machine()]),
             (0x06, 0, 0, 0x50000 | errno.EACCES),
             (0x06, 0, 0, 0x7fff0000))
    code = ctypes.create_string_buffer(b''.join(struct.pack('=HBBI', *step) for step in steps))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    check(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
                      ctypes.byref(Program(len(steps), ctypes.addressof(code))), 0, 0) == 0, 'filters')


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
    """A worker that was executed before it was stopped is of no use here."""
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
def a_worker_that_its_user_stops_within_its_start_holds_up_no_client(c):
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
    check(watch.stop() < 2, 'no client had to wait for an answer')
    c.wait_gone(caught)
    stopper.kill()
    stopper.wait()
    d.order('victim', 'start')
    d.wait_state('victim', 'EXITED')
    check('unknown pid' not in d.log(), 'a child that was given up is no stranger')


@story(root=True, long=True, slow=8)
def a_thousand_starts_beside_their_user_hold_up_no_client(c):
    name, uid = lonely_user()
    os.chmod(c.dir, 0o755)
    count = 50
    d = c.daemon(c.program('other', ' sleep', *OTHER)
                 + f'[program:victim]\ncommand=/bin/true\nuser={name}\nautostart=false\nautorestart=false\n'
                   f'startsecs=0\nstartretries=0\nstdout_logfile=NONE\nstderr_logfile=NONE\nnumprocs={count}\n'
                   'process_name=v_%(process_num)d\n')
    d.wait_state('other', 'RUNNING')

    def rest():
        """Kills workers that were executed before they were stopped; the daemon ends all others by itself."""
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
    check(watch.stop() < 2, 'no client had to wait for an answer')


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


@story(nobody=True)
def starts_copy_the_daemon_where_they_cannot_do_it_otherwise(c):
    d = c.daemon(c.program('w', ' sleep', *OTHER)
                 + c.program('x', ' sleep', 'autostart=false', 'startretries=0', 'directory=/no/such/place'),
                 start=False)
    d.start(preexec=without_starter)
    for _ in range(3):
        pid = d.wait_state('w', 'RUNNING')['pid']
        os.kill(pid, signal.SIGKILL)
        d.wait_restarted('w', pid)
    d.order('x', 'start', None)
    has(d.wait_state('x', 'FATAL')['spawn_error'], "couldn't chdir to /no/such/place: No such file or directory", 'why')
    why = 'each start copies the daemon, which takes longer: it cannot execute a program in memory: Permission denied'
    same(d.log().count(why), 1, 'times that this is said')
    pid = d.process('w')['pid']
    d.kill()
    d.start()
    same(d.process('w')['pid'], pid, 'adopted')
    os.kill(pid, signal.SIGKILL)
    d.wait_restarted('w', pid)
    same(d.log().count('each start copies the daemon'), 1, 'times in both lives')


@story(root=True, slow=2)
def a_directory_that_never_answers_holds_up_no_client(c):
    hold_up_no_client(c)


@story(root=True, slow=2)
def a_directory_that_never_answers_holds_up_no_client_of_a_daemon_that_is_copied(c):
    hold_up_no_client(c, preexec=without_starter)


def hold_up_no_client(c, **how):
    name, uid = lonely_user()
    os.chmod(c.dir, 0o755)
    d = c.daemon(c.program('other', ' sleep', *OTHER)
                 + f'[program:victim]\ncommand=/bin/sleep 1000\nuser={name}\nautostart=false\nstartretries=1\n'
                   f'directory={c.path("hangs")}\nrestart_delay=100ms\nstdout_logfile=NONE\nstderr_logfile=NONE\n',
                 start=False)
    d.start(**how)
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
    check(watch.stop() < 2, 'no client had to wait for an answer')
    os.close(fd)
    unmount(path)
    d.wait_process('victim', lambda p: p['state'] != 'STARTING', 'is stopped')


@story(root=True, slow=2)
def a_worker_that_hangs_in_its_start_is_not_started_twice_after_a_kill(c):
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
def a_worker_that_hangs_in_its_start_has_the_same_bound_in_the_next_instance(c):
    has_the_same_bound(c)


@story(root=True, slow=2)
def a_worker_that_hangs_in_its_start_of_a_copied_daemon_has_the_same_bound_in_the_next_instance(c):
    has_the_same_bound(c, preexec=without_starter)


def has_the_same_bound(c, **how):
    name, uid = lonely_user()
    os.chmod(c.dir, 0o755)
    d = c.daemon(c.program('other', ' sleep', *OTHER)
                 + f'[program:victim]\ncommand=/bin/sleep 1000\nuser={name}\nautostart=false\nstartretries=0\n'
                   f'directory={c.path("hangs")}\nstartsecs=1\nstdout_logfile=NONE\nstderr_logfile=NONE\n',
                 start=False)
    d.start(**how)
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
def a_program_on_a_disk_that_never_answers_holds_up_no_client(c):
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
    check(watch.stop() < 2, 'no client had to wait for an answer')
    for name in 'victim', 'searched':
        order_in_background(d, name, 'stop', []).join()
    os.close(fd)
    unmount(path)


SEARCH_LIMIT_S = 5  # engine/order/searches.h


def ordered_on(path):
    """Programs of a file system that never answers; the second one is also in another place."""
    never = 'autostart=false\nstartretries=0\nstartsecs=0\nstdout_logfile=NONE\nstderr_logfile=NONE\n'
    return (f'[program:victim]\ncommand={path}/bin/worker\n{never}'
            f'[program:searched]\ncommand=sleep 1000\nenvironment=PATH="{path}/bin:/bin:/usr/bin"\n{never}')


def children(d):
    return [p for p in all_procs() if p.ppid == d.pid]


def child_looks(d):
    """A child that has not executed its program waits for the file system, or for a child that does."""
    return any(p.name == '(supervisord)' and p.state in 'DS' for p in children(d))


def looked_for(d, name):
    """The program is looked for, and nothing of the process has changed."""
    d.case.wait(lambda: child_looks(d), f'the program of {name} is being looked for')
    p = d.process(name)
    same((p['state'], p['pid'] or 0, p['spawn_error']), ('STOPPED', 0, None), name)


def house_on_a_disk_that_never_answers(c):
    path, fd = mount_that_never_answers(c, 0)
    d = c.daemon(c.program('other', ' sleep', *OTHER) + ordered_on(path))
    d.wait_state('other', 'RUNNING')
    return d, path, fd


def let_go(path, fd):
    os.close(fd)
    unmount(path)


@story(root=True, slow=2)
def an_order_for_a_program_on_a_disk_that_never_answers_holds_up_nothing_else(c):
    d, path, fd = house_on_a_disk_that_never_answers(c)
    watch = Watch(d)
    answers, lines = [], []
    by_client = threading.Thread(target=lambda: lines.append(d.ctl('start', 'searched')))
    order = order_in_background(d, 'victim', 'start', answers)
    looked_for(d, 'victim')
    by_client.start()
    others_are_served(c, d)
    same(d.process('victim')['state'], 'STOPPED', 'nothing has changed')
    order.join()
    by_client.join()
    has(answers[0].get('code', ''), 'SPAWN_ERROR', f'answer {answers[0]}')
    has(answers[0].get('detail', '') or '', f"couldn't exec {path}/bin/worker within {LIMIT_S} s", f'{answers[0]}')
    has(lines[0][1], 'searched: ERROR (spawn error)', 'the answer to the client')
    d.wait_log(f"the program of 'victim' could not be looked for within {SEARCH_LIMIT_S} s")
    d.wait_state('victim', 'FATAL')
    check(watch.stop() < 2, 'other clients do not wait')
    let_go(path, fd)
    c.wait(lambda: len(children(d)) == 1, 'all of them are reaped', lambda: str(children(d)))
    check('unknown pid' not in d.log(), 'the child that looked is no stranger')


@story(root=True, slow=2)
def an_order_goes_on_or_is_refused_as_soon_as_the_disk_answers(c):
    d, path, fd = house_on_a_disk_that_never_answers(c)
    watch = Watch(d)
    answers, found = [], []
    order = order_in_background(d, 'victim', 'start', answers)
    looked_for(d, 'victim')
    other = order_in_background(d, 'searched', 'start', found)
    time.sleep(0.1)
    let_go(path, fd)
    order.join()
    other.join()
    same((answers[0].get('code'), answers[0].get('detail')), ('NO_FILE', f"can't find command '{path}/bin/worker'"),
         f'answer {answers[0]}')
    p = d.process('victim')
    same((p['state'], p['spawn_error']), ('STOPPED', None), 'the process that was refused')
    check("spawned: 'victim'" not in d.log() and 'order: start victim' not in d.log(), 'nothing was tried')
    same(found[0].get('name'), 'searched', f'answer {found[0]}')
    d.wait_state('searched', 'RUNNING')
    check(watch.stop() < 2, 'other clients do not wait')


@story(root=True, slow=2)
def an_order_whose_program_is_looked_for_can_be_taken_back(c):
    d, path, fd = house_on_a_disk_that_never_answers(c)
    answers = []
    order = order_in_background(d, 'victim', 'start', answers)
    looked_for(d, 'victim')
    d.order('victim', 'stop')
    order.join()
    same(answers[0].get('code'), 'ABNORMAL_TERMINATION', f'answer {answers[0]}')
    c.wait(lambda: not child_looks(d), 'it is not looked for any more')
    d.order('victim', 'stop', 409)
    conn = UnixConnection(d.socket, c.patience)
    conn.request('POST', '/v1/processes/searched/start', '{}', {'Content-Type': 'application/json'})
    looked_for(d, 'searched')
    conn.close()
    let_go(path, fd)
    d.wait_state('searched', 'RUNNING')  # the order stands without its client
    same(d.process('victim')['state'], 'STOPPED', 'the process that was stopped')


@story(root=True, slow=2)
def an_order_whose_program_is_looked_for_is_lost_with_the_daemon_and_nothing_else(c):
    d, path, fd = house_on_a_disk_that_never_answers(c)
    pid = d.process('other')['pid']

    def order():
        conn = UnixConnection(d.socket, c.patience)
        conn.request('POST', '/v1/processes/victim/start', '{}', {'Content-Type': 'application/json'})
        looked_for(d, 'victim')
        return conn
    with contextlib.closing(order()):
        d.kill()
    d.start()
    p = d.process('victim')
    same((p['state'], p['pid'] or 0, p['spawn_error']), ('STOPPED', 0, None), 'after a kill')
    same(d.process('other')['pid'], pid, 'the process that ran')
    with contextlib.closing(order()):
        d.rpc().restart()
        c.wait(lambda: d.answers() and d.process('other')['pid'] != pid, 'everything is started anew')
    same(d.process('victim')['state'], 'STOPPED', 'after a restart')
    d.wait_state('other', 'RUNNING')
    with contextlib.closing(order()) as conn:
        d.send(signal.SIGTERM)
        same(conn.getresponse().status, 503, 'the answer while everything ends')
    d.wait_end()
    let_go(path, fd)


@story(root=True, slow=2)
def an_upgrade_loses_no_order_whose_program_is_looked_for(c):
    d, path, fd = house_on_a_disk_that_never_answers(c)
    answers = []
    order = order_in_background(d, 'searched', 'start', answers)
    looked_for(d, 'searched')
    d.post('/v1/upgrade', status=202)
    d.wait_log("spawned: 'searched'")
    let_go(path, fd)
    order.join()
    same(answers[0].get('name'), 'searched', f'answer {answers[0]}')
    c.wait(d.answers, 'the next image answers')
    d.wait_state('searched', 'RUNNING')


@story(root=True, slow=2)
def logs_on_a_disk_that_never_answers_hold_up_no_client(c):
    """The main loop is not held up, and no client waits longer than a bound."""
    path = c.path('hangs')
    os.makedirs(f'{path}/below')
    quiet = 'stdout_logfile=NONE', 'stderr_logfile=NONE'
    d = c.daemon(c.program('other', ' sleep', *OTHER, *quiet)
                 + c.program('victim', ' echo', f'stdout_logfile={path}/out', 'startsecs=0')
                 + c.program('later', ' echo', f'stdout_logfile={path}/below/later', 'startsecs=0', 'autostart=false'))
    d.wait_all('RUNNING', 2)
    shutil.rmtree(path)
    path, fd = mount_that_never_answers(c, 0)
    watch = Watch(d)
    for method in 'readProcessStdoutLog', 'tailProcessStdoutLog':
        try:
            getattr(d.rpc(), method)('victim', 0, 100)
            check(False, f'{method} read a log')
        except xmlrpc.client.Fault as e:
            has(e.faultString, 'the disk with the log has not answered for five seconds', method)
    a = d.request('GET', '/v1/logs/victim/stdout?follow=1')
    same((a.status, a.json()['code']), (504, 'TIMEOUT'), 'the client that follows')
    d.post('/v1/logs/victim/rotate', {}, status=None)
    try:
        d.rpc().clearProcessLogs('victim')
        check(False, 'a log was cleared')
    except xmlrpc.client.Fault as e:
        has(e.faultString, 'the log thread has not answered for five seconds', 'clear')
    has(d.ctl('health')[1], 'has not answered', 'health')
    d.post('/v1/processes/later/start', {'wait': True}, status=None)
    d.reload(plan=True)
    d.reload()
    d.send(signal.SIGUSR2)
    others_are_served(c, d)
    d.order('victim', 'stop')
    check(watch.stop() < 2, 'no client had to wait for an answer')
    os.close(fd)
    unmount(path)
