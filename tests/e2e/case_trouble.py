"""Disks that are full, gone, or not ours any more: which workers wait, where it is reported, and what is in the logs afterwards."""
import ctypes
import os
import re
import shutil
import subprocess

from e2elib import Skipped, check, has, lacks, mount_tmpfs, read_file, same, small_disk, story


def fill(disk):
    fd = os.open(f'{disk}/filler', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        while True:
            os.write(fd, b'f' * 4096)
    except OSError:
        os.close(fd)


def numbers(text):
    found = [re.fullmatch(r'line (\d+)', line) for line in text.splitlines()]
    check(all(found), f'whole lines: {text[:300]!r}')
    return [int(f.group(1)) for f in found]


def in_trouble(c, d, name, reason):
    """Every interface shows it."""
    d.wait_process(name, lambda p: reason in (p['log_error'] or ''), f'says {reason!r}')
    errors = d.info()['log_errors']
    check(any(e['name'] == name and e['stream'] == 'stdout' and reason in e['detail'] for e in errors),
          f'/v1/info has it: {errors}')
    code, out, _ = d.ctl('health', name)
    has(out, f'{name}: log of stdout: ', 'health')
    same(code, 0, 'exit code')
    has(d.ctl('status', '-v', name)[1], 'log of stdout: ', 'status -v')
    same(d.get('/healthz').status, 200, 'the loop runs')


def well_again(d, name):
    d.wait_process(name, lambda p: p['log_error'] is None, 'is well again')
    same(d.info()['log_errors'], [], 'log_errors')
    lacks(d.ctl('health', name)[1], 'log of', 'health')


def writer(c, path, *more, count=60000, delay=''):
    return c.program('w', f' lines {count} {delay}', f'stdout_logfile={path}', 'startsecs=0',
                     'stdout_logfile_maxbytes=0', 'autorestart=false', *more)


PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000


class HeldThreads:
    """All threads of a daemon but the main one stand still, as in a call to a disk that hangs."""

    def __init__(self, pid):
        self.libc, self.held = ctypes.CDLL(None, use_errno=True), []
        self.libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
        self.libc.ptrace.restype = ctypes.c_long
        for tid in (int(t) for t in os.listdir(f'/proc/{pid}/task') if int(t) != pid):
            if self.libc.ptrace(PTRACE_SEIZE, tid, None, None) != 0:
                why = os.strerror(ctypes.get_errno())
                self.let_go()
                raise Skipped('threads may not be traced: ' + why)
            self.libc.ptrace(PTRACE_INTERRUPT, tid, None, None)
            os.waitpid(tid, WALL)
            self.held.append(tid)

    def let_go(self):
        for tid in self.held:
            self.libc.ptrace(PTRACE_DETACH, tid, None, None)


@story(slow=2)
def a_log_thread_that_does_not_answer_is_named(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0', 'numprocs=2', 'process_name=%(process_num)d'))
    d.wait_all('RUNNING', 2)
    same(d.info()['logs_error'], None, 'logs_error')
    held = HeldThreads(d.pid)
    try:
        d.ctl('restart', 'w:0')
        c.wait(lambda: d.info()['logs_error'], 'it is named')
        has(d.info()['logs_error'], 'the log thread has not answered for', 'logs_error')
        for args in ((), ('w:1',)):
            has(d.ctl('health', *args)[1], 'logs: the log thread has not answered for', 'health')
    finally:
        held.let_go()
    c.wait(lambda: d.info()['logs_error'] is None, 'it answers again')
    lacks(d.ctl('health')[1], 'logs:', 'health')
    d.wait_log('the log thread has not answered for')
    d.wait_log('the log thread answers again')
    held = HeldThreads(d.pid)  # and with nothing to write: those who look ask it
    try:
        c.wait(lambda: d.info()['logs_error'], 'it is named')
    finally:
        held.let_go()
    c.wait(lambda: d.info()['logs_error'] is None, 'it answers again')


@story(root=True, slow=2)
def a_full_disk_is_shown_everywhere_and_heals(c):
    disk = small_disk(c)
    d = c.daemon(writer(c, f'{disk}/out', 'autostart=false'))
    fill(disk)
    d.order('w', 'start', None)
    in_trouble(c, d, 'w', 'No space left on device')
    os.unlink(f'{disk}/filler')
    d.wait_state('w', 'EXITED')
    well_again(d, 'w')
    same(numbers(read_file(f'{disk}/out')), list(range(1, 60001)), 'lines')


@story(root=True, slow=2)
def a_disk_that_is_full_every_other_moment_is_said_once(c):
    disk = small_disk(c)
    d = c.daemon(writer(c, f'{disk}/out', 'stdout_format=text', count=100_000_000))
    for _ in range(6):
        p = d.wait_process('w', lambda p: p['log_error'], 'it is full')
        os.truncate(f'{disk}/out', 0)
        d.wait_process('w', lambda n: n['stdout']['written'] > p['stdout']['written'], 'goes on')
    check(len(d.lines('No space left')) <= 1, d.lines("log of 'w'"))
    check(len(d.lines('is written again')) <= 1, d.lines("log of 'w'"))


@story(nobody=True, slow=2)
def a_directory_that_is_removed_is_waited_for(c):
    folder = c.path('logs')
    for how in ('raw', 'text'):
        os.mkdir(folder)
        d = c.daemon(writer(c, f'{folder}/out', f'stdout_format={how}', count=100_000_000),
                     name=how)
        d.wait_process('w', lambda p: p['stdout']['written'] > 100_000, 'writes')
        os.rename(folder, c.path('gone'))  # at once: into an emptied one a new file would be made
        shutil.rmtree(c.path('gone'))
        in_trouble(c, d, 'w', 'No such file or directory')
        stood = d.process('w')['stdout']
        same(d.process('w')['state'], 'RUNNING', 'the worker waits')
        os.mkdir(folder)
        well_again(d, 'w')
        d.wait_log("log of 'w' stdout is written again")
        d.order('w', 'stop')
        o = d.wait_process('w', lambda p: p['stdout']['buffered'] == 0, 'all is written')['stdout']
        same(o['dropped'], 0, 'dropped')
        text = read_file(f'{folder}/out')
        same(len(text), o['written'] - stood['written'], 'bytes since then')
        if how == 'raw':
            found = numbers(text[text.index('\n') + 1:text.rindex('\n') + 1])
            same(found, list(range(found[0], found[0] + len(found))), 'lines')
        same(len(d.lines("log of 'w' stdout: write")), 1, 'said')
        d.stop()
        shutil.rmtree(folder)


@story(nobody=True)
def a_file_that_is_removed_is_made_anew(c):
    d = c.daemon(c.program('w', ' echo', f'stdout_logfile={c.path("out")}', 'startsecs=0'))
    d.wait_state('w', 'RUNNING')
    d.order('w', 'stdin', 204, data='one\n')
    d.wait_worker_log('w', 'one')
    os.unlink(c.path('out'))
    d.order('w', 'stdin', 204, data='two\n')
    c.wait(lambda: read_file(c.path('out')) == 'two\n', 'there is a new one')
    os.unlink(d.logfile)
    d.order('w', 'restart')
    d.wait_log("spawned: 'w'")


@story(ordinary=True, slow=2)
def a_directory_that_may_not_be_written_stops_rotation_only(c):
    folder = c.path('logs')
    os.mkdir(folder)
    d = c.daemon(c.program('w', ' lines 100000000', f'stdout_logfile={folder}/out', 'startsecs=0',
                           'stdout_logfile_maxbytes=100KB', 'stdout_logfile_backups=100000'))
    c.wait(lambda: os.path.exists(f'{folder}/out.2'), 'it rotates')
    os.chmod(folder, 0o555)
    in_trouble(c, d, 'w', 'Permission denied')
    c.wait(lambda: os.path.getsize(f'{folder}/out') == 4 * 100 * 1024, 'it goes on, up to a bound')
    same(len(d.lines('cannot rotate')), 1, 'said')
    os.chmod(folder, 0o755)
    well_again(d, 'w')
    d.order('w', 'stop')
    o = d.wait_process('w', lambda p: p['stdout']['buffered'] == 0, 'all is written')['stdout']
    count = sum(os.path.getsize(f'{folder}/{n}') for n in os.listdir(folder))
    same(count, o['written'], 'bytes')


@story(ordinary=True)
def a_start_waits_for_the_permission_to_log(c):
    folder = c.path('logs')
    os.mkdir(folder, 0o555)
    d = c.daemon(c.program('w', ' sleep', f'stdout_logfile={folder}/out', 'startretries=100',
                           'restart_delay=100ms', 'restart_delay_max=100ms'))
    p = d.wait_state('w', 'BACKOFF')
    has(p['spawn_error'], 'EACCES', 'spawn_error')
    os.chmod(folder, 0o755)
    d.wait_state('w', 'RUNNING')
    has(read_file(f'{folder}/out'), 'ready', 'log')


def ext4(c, name):
    """A file system of one's own; mounted, and where."""
    image, place = c.path(name + '.img'), c.path(name)
    os.mkdir(place)
    with open(image, 'wb') as f:
        f.truncate(16 << 20)
    for words in (['mkfs.ext4', '-q', '-F', image], ['mount', '-o', 'loop', image, place]):
        try:
            done = subprocess.run(words, capture_output=True, text=True)
        except OSError as e:
            raise Skipped(f'{words[0]}: {e}')
        if done.returncode:
            raise Skipped(f'{" ".join(words)}: {done.stderr.strip()}')
        if words[0] == 'mount':
            c.mounts.append(place)
    return place


@story(root=True, slow=2)
def a_disk_that_becomes_read_only_is_waited_for(c):
    disk = ext4(c, 'ext4')
    d = c.daemon(writer(c, f'{disk}/out', count=100_000_000))
    d.wait_process('w', lambda p: p['stdout']['written'] > 100_000, 'writes')
    subprocess.run(['mount', '-o', 'remount,abort', disk], check=True)
    in_trouble(c, d, 'w', 'Read-only file system')
    stood = d.process('w')['stdout']
    with open(f'{disk}/out', 'rb') as f:
        old = f.read(stood['written'])
    mount_tmpfs(disk, '64m')  # another one takes its place
    c.mounts.append(disk)
    well_again(d, 'w')
    d.order('w', 'stop')
    o = d.wait_process('w', lambda p: p['stdout']['buffered'] == 0, 'all is written')['stdout']
    same((o['dropped'], len(old)), (0, stood['written']), 'dropped, bytes before')
    text = old.decode() + read_file(f'{disk}/out')
    same(len(text), o['written'], 'bytes')
    found = numbers(text[:text.rindex('\n') + 1])
    same(found, list(range(1, len(found) + 1)), 'lines')


# ---- the main log

def busy(d, count):
    """So many lines in the main log: what is in it of each."""
    for _ in range(count):
        d.order('w', 'restart')


def main_in_trouble(c, d, reason):
    c.wait(lambda: any(e['stream'] == 'main' and reason in e['detail']
                       for e in d.info()['log_errors']), f'/v1/info says {reason!r} of the main log',
           d.info)
    same(d.get('/healthz').status, 200, 'the loop runs')
    c.wait(lambda: 'cannot write' in read_file(d.out), 'it is on stdout')


def main_is_well(c, d):
    c.wait(lambda: d.info()['log_errors'] == [], 'the main log is well', d.info)


def count_spawned(text):
    return sum("spawned: 'w'" in line for line in text.splitlines())


@story(root=True)
def the_main_log_waits_for_a_full_disk(c):
    disk = small_disk(c)
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'), start=False)
    d.logfile = f'{disk}/main.log'
    d.configure(d.text)
    d.start()
    d.wait_state('w', 'RUNNING')
    fill(disk)
    busy(d, 100)  # a page of the file is left
    main_in_trouble(c, d, 'No space left on device')
    busy(d, 5)
    os.unlink(f'{disk}/filler')
    main_is_well(c, d)
    busy(d, 1)
    c.wait(lambda: count_spawned(d.log()) == 107, 'every line is there', lambda: count_spawned(d.log()))
    same(len(d.lines('its lines wait')), 1, 'said')
    d.wait_log('main.log is written again')
    same(count_spawned(read_file(d.out)), 107, 'lines on stdout')


@story(nobody=True)
def the_main_log_waits_for_its_directory(c):
    folder = c.path('logs')
    os.mkdir(folder)
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'), start=False)
    d.logfile = f'{folder}/main.log'
    d.configure(d.text)
    d.start()
    d.wait_state('w', 'RUNNING')
    shutil.rmtree(folder)
    busy(d, 3)
    main_in_trouble(c, d, 'No such file or directory')
    busy(d, 2)
    os.mkdir(folder)
    main_is_well(c, d)
    c.wait(lambda: count_spawned(d.log()) == 5, 'every line since then is there', d.log)
