"""Files in a directory of the worker's user: whatever that user puts there, root neither follows links nor waits."""
import os
import pwd
import signal
import stat
import time

from e2elib import Skipped, check, has, lacks, read_file, same, story, write_file

USER = 'nobody'
SECRET = 'the secret of root\n'


class Foreign:
    """A daemon of root, a worker that writes lines as another user, and that user's directory."""

    def __init__(self, c, *lines, others=True):
        self.c = c
        self.uid = pwd.getpwnam(USER).pw_uid
        if os.getuid() != 0 or self.uid == 0:
            raise Skipped('only root can start workers of another user')
        os.chmod(c.path('.'), 0o755)
        self.dir = c.path('his')
        os.mkdir(self.dir)
        os.chown(self.dir, self.uid, -1)
        self.outside = c.path('outside')
        os.mkdir(self.outside)
        self.secret = f'{self.outside}/secret'
        write_file(self.secret, SECRET, 0o600)
        self.log = f'{self.dir}/app.log'
        self.good = c.path('good.log')
        self.text = c.program('app', '/bin/sh -c "while :; do echo a line; sleep 0.05; done"',
                              f'user={USER}', 'startsecs=0', f'stdout_logfile={self.log}', *lines)
        if others:
            self.text += c.program('good', '/bin/sh -c "while :; do echo a line; sleep 0.05; done"',
                                   'startsecs=0', f'stdout_logfile={self.good}')
        self.before = self.look()
        self.d = c.daemon(self.text, start=False)

    def look(self):
        """Everything outside, as it is."""
        found = {}
        for name in sorted(os.listdir(self.outside)):
            st = os.lstat(f'{self.outside}/{name}')
            found[name] = (st.st_mode, st.st_uid, st.st_size, st.st_mtime_ns, st.st_ino)
        return found

    def start(self):
        self.d.start()
        self.d.wait_process('app', lambda p: p['state'] == 'RUNNING', 'runs')
        return self.d

    def his(self, do, *args):
        """Done with the rights of the worker's user."""
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.setgroups([])
                os.setgid(self.uid)
                os.setuid(self.uid)
                do(*args)
                code = 0
            finally:
                os._exit(code)
        same(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, 'what the other user does')

    def put(self, make):
        """In one step: the daemon makes a missing file anew."""
        def do():
            make(self, f'{self.dir}/new')
            os.rename(f'{self.dir}/new', self.log)
        self.his(do)

    def is_refused(self, why):
        """It is said everywhere, nothing outside has changed, and others go on."""
        self.c.wait(lambda: why in str(self.d.get('/v1/info').json()['log_errors']), f'{why!r} is told',
                    lambda: self.d.get('/v1/info').json()['log_errors'])
        code, out, err = self.d.ctl('health')
        has(out, why, 'health')
        self.others_go_on()
        same(self.look(), self.before, 'what lies outside')

    def others_go_on(self):
        size = os.path.getsize(self.good)
        self.c.wait(lambda: os.path.getsize(self.good) > size, 'others are written')

    def nothing_is_read(self):
        """By no interface."""
        d = self.d
        answers = [d.get('/v1/logs/app/stdout?tail=1000').body, d.get('/tail.html?processname=app').body]
        for method in ('readProcessStdoutLog', 'tailProcessStdoutLog'):
            try:
                answers.append(str(getattr(d.rpc().supervisor, method)('app', 0, 1000)))
            except Exception as e:  # noqa: B902: a fault is as good
                answers.append(str(e))
        for a in answers:
            lacks(a if isinstance(a, str) else a.decode(errors='replace'), SECRET.strip(), 'answer')

    def heals(self):
        """What was there is gone: it is written again."""
        self.c.wait(lambda: not self.d.get('/v1/info').json()['log_errors'], 'all is well again',
                    lambda: self.d.get('/v1/info').json()['log_errors'])
        self.c.wait(lambda: read_file(self.log).endswith('a line\n'), 'it is written again')


def a_link(f, path):
    os.symlink(f.secret, path)


def a_dangling_link(f, path):
    os.symlink(f'{f.outside}/made', path)


def a_link_to_his_own(f, path):
    write_file(f'{f.dir}/own', '')
    os.symlink('own', path)


def a_fifo(f, path):
    os.mkfifo(path)


def a_link_to_a_device(f, path):
    os.symlink('/dev/null', path)


LINK, NODE = 'is a link of user', 'in a directory of user'
FINDS = ((a_link, LINK), (a_dangling_link, LINK), (a_link_to_his_own, LINK),
         (a_link_to_a_device, LINK), (a_fifo, NODE))


@story(root=True, slow=2)
def a_foreign_file_at_a_logs_name_is_not_opened(c):
    f = Foreign(c)
    for make, why in FINDS:
        f.put(make)
        f.start()
        f.is_refused(why)
        f.nothing_is_read()
        f.his(os.unlink, f.log)
        f.heals()
        f.d.stop()
        os.unlink(f.log)


@story(root=True, slow=2)
def a_foreign_file_after_removal_renaming_and_reopening_is_not_opened(c):
    f = Foreign(c)
    d = f.start()
    f.heals()

    def move():
        os.rename(f.log, f'{f.dir}/old')

    orders = {'removed': (os.unlink, (f.log,), lambda: None),
              'renamed, rotate': (move, (), lambda: d.ctl('rotate', 'app')),
              'renamed, SIGUSR2': (move, (), lambda: d.send(signal.SIGUSR2))}
    for do, args, order in orders.values():
        for make, why in FINDS:
            f.his(do, *args)
            f.put(make)
            order()
            f.is_refused(why)
            f.nothing_is_read()
            f.his(os.unlink, f.log)
            f.heals()
    same(f.look(), f.before, 'what lies outside')


@story(root=True)
def a_link_for_a_directory_of_the_path_is_not_followed(c):
    f = Foreign(c)
    f.his(os.mkdir, f'{f.dir}/sub')
    f.d.configure(f.text.replace(f.log, f'{f.dir}/sub/secret'))
    d = f.start()
    c.wait(lambda: os.path.exists(f'{f.dir}/sub/secret'), 'the log is made')

    def exchange():
        os.rename(f'{f.dir}/sub', f'{f.dir}/old')
        os.symlink(f.outside, f'{f.dir}/sub')

    f.his(exchange)
    d.ctl('rotate', 'app')
    d.send(signal.SIGUSR2)
    f.is_refused(LINK)
    f.nothing_is_read()


@story(root=True)
def files_of_others_and_with_several_names_are_not_opened(c):
    f = Foreign(c)
    write_file(f.log, '')
    os.chown(f.log, f.uid + 1 if f.uid < 60000 else 12345, -1)
    f.start()
    f.is_refused('the file belongs to user')
    os.unlink(f.log)
    f.heals()
    f.d.stop()
    os.unlink(f.log)
    os.link(f.secret, f.log)  # as he could where fs.protected_hardlinks is 0
    f.before = f.look()
    f.start()
    f.is_refused('names (hard links)')
    f.nothing_is_read()


@story(root=True)
def a_rotation_that_is_raced_changes_nothing_outside(c):
    f = Foreign(c, 'stdout_logfile_maxbytes=1KB', 'stdout_logfile_backups=3')
    f.start()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(f.uid)
            os.setuid(f.uid)
            signal.alarm(20)
            while True:
                for name in ('app.log', 'app.log.1', 'app.log.2', 'app.log.3'):
                    try:
                        os.symlink(f.secret, f'{f.dir}/{name}')
                    except FileExistsError:
                        pass
        finally:
            os._exit(0)
    begin = time.monotonic()
    while time.monotonic() < begin + 3:
        f.d.ctl('rotate', 'app')
        f.others_go_on()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    same(f.look(), f.before, 'what lies outside')
    f.nothing_is_read()


@story(root=True)
def a_fifo_for_a_backup_does_not_stop_compression_or_other_logs(c):
    f = Foreign(c, 'stdout_logfile_maxbytes=0', 'stdout_logfile_backups=5', 'stdout_compress=gzip')
    d = f.start()
    f.heals()
    f.his(os.mkfifo, f'{f.dir}/app.log.1')
    for _ in range(3):
        d.ctl('rotate', 'app')
        f.others_go_on()
    f.put(a_fifo)
    d.ctl('rotate', 'app')
    f.is_refused(NODE)
    f.his(os.unlink, f.log)
    f.heals()


@story(root=True)
def a_fifo_at_recovery_does_not_stop_the_start(c):
    f = Foreign(c, 'stdout_format=text')
    d = f.start()
    f.heals()
    d.kill()
    f.put(a_fifo)
    d.start()
    f.is_refused(NODE)
    f.his(os.unlink, f.log)
    f.heals()


@story(root=True)
def a_log_that_cannot_be_rotated_is_bounded(c):
    f = Foreign(c, 'stdout_logfile_maxbytes=20KB', 'stdout_logfile_backups=2')
    f.d.configure(f.text.replace('"while :; do echo a line; sleep 0.05; done"', '"yes a line"', 1))
    for name in ('app.log.1/x', 'app.log.2/x'):
        f.his(os.makedirs, f'{f.dir}/{name}')
    d = f.start()
    f.is_refused('as it cannot be rotated')
    check(os.path.getsize(f.log) <= 4 * 20 * 1024, f'it has {os.path.getsize(f.log)} bytes')
    has(d.log(), f'cannot rotate {f.log}', 'main log')
    for name in ('app.log.1', 'app.log.2'):
        f.his(os.removedirs, f'{f.dir}/{name}/x')
    c.wait(lambda: os.path.isfile(f'{f.dir}/app.log.1'), 'it is rotated when that has gone')
    c.wait(lambda: not d.get('/v1/info').json()['log_errors'], 'all is well again')


@story(root=True)
def a_worker_may_go_on_while_its_log_is_refused(c):
    f = Foreign(c, 'stdout_overflow=drop')
    f.put(a_link)
    d = f.start()
    f.is_refused(LINK)
    c.wait(lambda: d.process('app')['stdout'].get('dropped_bytes', 1), 'lines are dropped')
    same(f.look(), f.before, 'what lies outside')


@story(nobody=True)
def a_link_of_the_daemons_user_is_followed(c):
    real = c.path('real')
    os.mkdir(real)
    os.symlink('real', c.path('dir'))
    os.symlink(f'{real}/b.log', c.path('b.log'))
    os.mkfifo(c.path('fifo'))
    reader = os.open(c.path('fifo'), os.O_RDONLY | os.O_NONBLOCK)
    d = c.daemon(c.program('a', '/bin/sh -c "echo a line; exec sleep 1000"', 'startsecs=0',
                           f'stdout_logfile={c.path("dir")}/a.log') +
                 c.program('b', '/bin/sh -c "echo a line; exec sleep 1000"', 'startsecs=0',
                           f'stdout_logfile={c.path("b.log")}') +
                 c.program('f', '/bin/sh -c "echo a line; exec sleep 1000"', 'startsecs=0',
                           f'stdout_logfile={c.path("fifo")}'))
    for name in 'ab':
        c.wait(lambda name=name: read_file(f'{real}/{name}.log') == 'a line\n', f'{name} is written')
        has(d.get(f'/v1/logs/{name}/stdout?tail=100').body.decode(), 'a line', 'read back')

    def fifo_has_it():
        try:
            return os.read(reader, 100) == b'a line\n'
        except BlockingIOError:
            return False

    c.wait(fifo_has_it, 'the FIFO is written')
    os.close(reader)
    check(stat.S_ISLNK(os.lstat(c.path('b.log')).st_mode), 'the link is there')
    same(d.get('/v1/info').json()['log_errors'], [], 'log_errors')
