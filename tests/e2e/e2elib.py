"""What the end-to-end stories are told with: a daemon of one's own, and patience.

Each story runs in a process of its own (see `run`) with a directory of its own. That process is a
child subreaper, so that whatever a daemon leaves behind becomes its child and is found, named and
killed. Waiting is always polling with a generous bound; no story asserts how long something took,
except for lower bounds that the daemon itself promises.
"""
import contextlib
import ctypes
import datetime
import encodings.idna  # noqa: F401: a story that runs as nobody may not be able to load it
import http.client
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import time
import xmlrpc.client

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
PATIENCE_S = 30.0
ASAN_FACTOR = 3
REPORTS = ('WARNING: ThreadSanitizer', 'ERROR: AddressSanitizer', 'runtime error', 'LeakSanitizer')

_libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """The story did not end as told."""


class Skipped(Exception):
    """It cannot be told on this machine; says why."""


# ---- stories

STORIES = []


def story(fn=None, *, nobody=False, root=False, ordinary=False, soak=False, long=False, alloc=False,
          slow=1, busy=False):
    """Marks a function as a story.

    nobody:   told a second time as the user nobody where the first time is as root.
    root:     only root can tell it.
    ordinary: root cannot tell it; where we are root it runs as nobody.
    soak:     takes minutes: only with --soak.
    long:     the long form of one that is told every time: only with --long.
    alloc:    of a daemon whose allocations fail: only with --alloc.
    slow:     its bound in time, as a multiple of the usual one; the slowest begin first.
    busy:     it keeps a core busy.
    """
    def mark(f):
        f.nobody, f.root, f.ordinary = nobody or ordinary, root, ordinary
        f.soak, f.long, f.alloc, f.slow, f.busy = soak, long, alloc, slow, busy
        STORIES.append(f)
        return f
    return mark(fn) if fn else mark


# ---- the system

def prctl(option, value):
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), 'prctl')


def mount_tmpfs(path, size):
    data = f'size={size},mode=0755'.encode()
    if _libc.mount(b'tmpfs', path.encode(), b'tmpfs', 0, data) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def unmount(path):
    MNT_DETACH = 2
    return _libc.umount2(path.encode(), MNT_DETACH) == 0


def small_disk(c, size='1m', name='disk'):
    disk = c.path(name)
    os.mkdir(disk)
    try:
        mount_tmpfs(disk, size)
    except OSError as e:
        raise Skipped(f'cannot mount a tmpfs: {e}')
    c.mounts.append(disk)
    return disk


_next_port = 0


def can_bind(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(('127.0.0.1', port))
            return True
        except OSError:
            return False


def free_ports(count):
    """So many ports in a row. Below those that the kernel gives to clients, and for each story from
    a place of its own, so that no other program takes them before they are used."""
    global _next_port
    begin = max(_next_port, 12000 + os.getpid() % 1000 * 20)
    for first in range(begin, 32700 - count):
        if all(map(can_bind, range(first, first + count))):
            _next_port = first + count
            return first
    raise Failed(f'no {count} free ports in a row')


def free_port():
    return free_ports(1)


class Proc:
    """One process of /proc: its ids and its state."""

    def __init__(self, pid):
        with open(f'/proc/{pid}/stat', 'rb') as f:
            text = f.read().decode(errors='replace')
        self.pid = int(pid)
        self.name = text[text.index('(') + 1:text.rindex(')')]
        rest = text[text.rindex(')') + 2:].split()
        self.state, self.ppid = rest[0], int(rest[1])
        self.pgrp, self.session = int(rest[2]), int(rest[3])
        self.start = int(rest[19])

    def command(self):
        try:
            with open(f'/proc/{self.pid}/cmdline', 'rb') as f:
                words = f.read().split(b'\0')
            return ' '.join(w.decode(errors='replace') for w in words).strip() or self.name
        except OSError:
            return self.name

    def __str__(self):
        return f'pid {self.pid} ({self.command()})'


def all_procs():
    found = []
    for name in os.listdir('/proc'):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                found.append(Proc(name))
    return found


def descendants(pid):
    below, table = [], {}
    for p in all_procs():
        table.setdefault(p.ppid, []).append(p)
    queue = [pid]
    while queue:
        for p in table.get(queue.pop(), []):
            below.append(p)
            queue.append(p.pid)
    return below


def alive(pid):
    try:
        return Proc(pid).state != 'Z'
    except (OSError, ValueError):
        return False


def kill(pid, sig=signal.SIGKILL):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sig)


def kill_tree(pid):
    """Everything below pid, again and again until nothing is there."""
    for _ in range(100):
        below = [p for p in descendants(pid) if p.state != 'Z']
        if not below:
            return
        for p in below:
            kill(p.pid)
        reap_all()
        time.sleep(0.02)


def reap_all():
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0] > 0:
            pass


def proc_status(pid):
    with open(f'/proc/{pid}/status') as f:
        return dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)


def proc_environ(pid):
    with open(f'/proc/{pid}/environ', 'rb') as f:
        items = f.read().split(b'\0')
    return dict(i.decode().split('=', 1) for i in items if b'=' in i)


def resident_kb(pid):
    return int(proc_status(pid)['VmRSS'].split()[0])


def read_file(path, otherwise=''):
    try:
        with open(path, errors='replace') as f:
            return f.read()
    except FileNotFoundError:
        return otherwise


def write_file(path, text, mode=None):
    with open(path, 'w') as f:
        f.write(text)
    if mode is not None:
        os.chmod(path, mode)
    return path


# ---- saying what is expected

def check(truth, text):
    if not truth:
        raise Failed(text)


def same(got, expected, what):
    if got != expected:
        raise Failed(f'{what}: got {got!r}, expected {expected!r}')


def has(text, part, what='text'):
    if part not in text:
        raise Failed(f'{what} lacks {part!r}: {text[-600:]!r}')


def lacks(text, part, what='text'):
    if part in text:
        raise Failed(f'{what} has {part!r}: {text[-600:]!r}')


# ---- HTTP over a Unix socket

class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__('localhost', timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path, timeout):
        super().__init__()
        self.path, self.patience = path, timeout

    def make_connection(self, host):
        return UnixConnection(self.path, self.patience)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            raise Failed(f'status {self.status}, no JSON: {self.body[:300]!r}')


class Events:
    """A reader of /v1/events."""

    def __init__(self, daemon, types=None, last=None):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(daemon.case.patience)
        self.s.connect(daemon.socket)
        path = '/v1/events' + (f'?types={types}' if types else '')
        head = f'GET {path} HTTP/1.1\r\nHost: localhost\r\n'
        head += f'Last-Event-ID: {last}\r\n' if last else ''
        self.s.sendall((head + '\r\n').encode())
        self.file = self.s.makefile('rb')
        self.text = b''
        status = self.file.readline()
        check(b' 200 ' in status, f'/v1/events answered {status!r}')
        while self.file.readline() not in (b'\r\n', b''):
            pass

    def _chunk(self):
        size = int(self.file.readline() or b'0', 16)
        data = self.file.read(size) if size else b''
        self.file.readline()
        return data

    def next(self):
        """(id, type, data) of the next event."""
        while True:
            while b'\n\n' not in self.text:
                more = self._chunk()
                if not more:
                    raise Failed('the event stream has ended')
                self.text += more
            block, self.text = self.text.split(b'\n\n', 1)
            fields = {}
            for line in block.decode().split('\n'):
                key, _, value = line.partition(': ')
                fields[key] = value
            if 'data' in fields:
                return fields.get('id'), fields.get('event'), json.loads(fields['data'])

    def until(self, test, what):
        seen = []
        try:
            while True:
                e = self.next()
                seen.append(e)
                if test(*e):
                    return seen
        except TimeoutError:
            raise Failed(f'no event came: {what}; seen: {seen[-5:]}')

    def close(self):
        self.file.close()
        self.s.close()


# In a line of the main log: C0 but for the tab, DEL, C1 as characters and as bytes of their own.
CONTROL = re.compile('[\x00-\x08\x0b-\x1f\x7f-\x9f\udc80-\udc9f]')


# ---- a daemon

class Daemon:
    """A supervisord, its configuration and everything that can be asked of it."""

    def __init__(self, case, text, *, name='d', supervisord='', server='', sections='',
                 args=('-n',), start=True, **how):
        self.case, self.name = case, name
        self.dir = case.path(name)
        os.makedirs(self.dir, exist_ok=True)
        self.conf = f'{self.dir}/supervisord.conf'
        self.socket = f'{self.dir}/s.sock'
        self.pidfile = f'{self.dir}/s.pid'
        self.logfile = f'{self.dir}/main.log'
        self.out, self.err = f'{self.dir}/stdout', f'{self.dir}/stderr'
        self.supervisord, self.server, self.sections = supervisord, server, sections
        self.args = list(args)
        self.popen = None
        self.pid = None
        self.code = None       # once it has ended and was waited for
        self.killed = None     # the signal that the story ended it by
        self.clean = True      # it is expected to clean up after itself
        case.daemons.append(self)
        self.configure(text)
        if start:
            self.start(**how)

    # -- configuration

    def configure(self, text):
        """Write the file; what runs is told by reload()."""
        self.text = text
        write_file(self.conf, f'''[unix_http_server]
file={self.socket}
{self.server}
[supervisord]
logfile={self.logfile}
pidfile={self.pidfile}
childlogdir={self.dir}
{self.supervisord}
[supervisorctl]
serverurl=unix://{self.socket}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
{self.sections}
{text}
''')

    # -- life

    def launch(self, env=None, preexec=None, stdin=subprocess.DEVNULL, pass_fds=()):
        """Start it and do not wait for anything."""
        check(self.popen is None or self.code is not None, 'this daemon runs already')
        out, err = open(self.out, 'ab'), open(self.err, 'ab')
        self.code = self.killed = None
        with out, err:
            self.popen = subprocess.Popen(
                [self.case.supervisord, *self.args, '-c', self.conf], stdin=stdin, stdout=out,
                stderr=err, env=env, preexec_fn=preexec, pass_fds=pass_fds,
                start_new_session=True)
        self.pid = self.popen.pid

    def start(self, **how):
        self.launch(**how)
        self.case.wait(self.is_up, f'daemon {self.name} answers')
        return self

    def is_up(self):
        if self.popen.poll() is not None:
            raise Failed(f'the daemon ended with code {self.popen.returncode} at its start: '
                         f'{self.stderr()[-800:]!r}')
        return self.answers()

    def answers(self):
        try:
            return self.get('/healthz').status == 200
        except (OSError, http.client.HTTPException):
            return False

    def send(self, sig):
        os.kill(self.pid, sig)

    def wait_end(self, code=0):
        """It ends, with this code; and it ends well."""
        self.case.wait(lambda: self.popen.poll() is not None, f'daemon {self.name} ends')
        self.code = self.popen.returncode
        self.check_words()
        same(self.code, -self.killed if self.killed else code,
             f'exit code of daemon {self.name} (stderr {self.stderr()[-600:]!r})')
        if self.killed or not self.clean:
            return
        for path in (self.socket, self.pidfile):
            check(not os.path.lexists(path), f'{path} is left behind')
        left = [p for p in descendants(os.getpid()) if p.state != 'Z'
                and p.pid not in self.case.known_pids()]
        # of another daemon that lives, one may have ended between the two looks
        left = [p for p in left if alive(p.pid)]
        check(not left, f'left behind: {", ".join(map(str, left))}')

    def stop(self, code=0, sig=signal.SIGTERM):
        """As an init system would."""
        self.send(sig)
        self.wait_end(code)

    def kill(self):
        """As the kernel would."""
        self.killed = signal.SIGKILL
        self.popen.send_signal(signal.SIGKILL)
        self.wait_end()

    def die_of_an_end(self, name, number, place, running=1):
        """It is started, and, with so many running, killed at that fault point while it hears that this
        worker was ended by this signal. Returns the worker's pid."""
        self.start(env=dict(os.environ, SUPERVISORD_FAULT=place))
        self.wait_all('RUNNING', running)
        pid = self.process(name)['pid']
        self.killed = signal.SIGKILL
        os.kill(pid, number)
        self.wait_end()
        return pid

    def wait_restarted(self, name, pid):
        return self.wait_process(name, lambda p: p['state'] == 'RUNNING' and p['pid'] != pid, 'is restarted')

    def check_words(self):
        """Whatever a sanitizer had to say."""
        text = self.stderr() + read_file(self.out)
        for word in REPORTS:
            if word in text:
                at = text.index(word)
                raise Failed(f'sanitizer report of daemon {self.name}: {text[at:at + 1500]}')
        if os.path.isfile(self.logfile):
            with open(self.logfile, 'rb') as f:
                text = f.read().decode('utf-8', 'surrogateescape')
            found = CONTROL.search(text)
            check(not found, f'a control byte in the main log: {found and text[found.start() - 80:found.end() + 40]!r}')

    def finish(self):
        """At the story's end: a daemon that still runs is stopped, and must have had no fault."""
        if self.popen is None or self.code is not None:
            return
        if self.popen.poll() is not None:
            raise Failed(f'daemon {self.name} ended by itself with code {self.popen.returncode}: '
                         f'{self.stderr()[-800:]!r}')
        self.stop()

    # -- what it says

    def log(self):
        return read_file(self.logfile)

    def stderr(self):
        return read_file(self.err)

    def lines(self, part):
        return [line for line in self.log().splitlines() if part in line]

    def wait_log(self, part, count=1):
        self.case.wait(lambda: len(self.lines(part)) >= count,
                       f'{count} x {part!r} in the main log', lambda: self.log()[-700:])
        return self.lines(part)

    def moments(self, part):
        """Seconds since the epoch of the main log's lines that have this part."""
        stamps = [line[:23].replace(',', '.') for line in self.lines(part)]
        return [datetime.datetime.fromisoformat(stamp).timestamp() for stamp in stamps]

    # -- what it is asked

    def request(self, method, path, body=None, headers=None, port=None, patience=None):
        patience = patience or self.case.patience
        c = (http.client.HTTPConnection('127.0.0.1', port, timeout=patience) if port
             else UnixConnection(self.socket, patience))
        with contextlib.closing(c):
            headers = dict(headers or {})
            if body is not None and not isinstance(body, (bytes, str)):
                body = json.dumps(body)
            if method == 'POST':
                headers.setdefault('Content-Type', 'application/json')
            c.request(method, path, body=body, headers=headers)
            return Answer(c.getresponse())

    def get(self, path, **how):
        return self.request('GET', path, **how)

    def post(self, path, body=None, status=200, **how):
        a = self.request('POST', path, body if body is not None else {}, **how)
        if status is not None and a.status != status:
            raise Failed(f'POST {path}: status {a.status}, expected {status}: {a.body[:600]!r}')
        return a.json() if a.body else None

    def info(self):
        return self.get('/v1/info').json()

    def processes(self, name=None):
        path = '/v1/processes' + (f'?name={name}' if name else '')
        return self.get(path).json()['processes']

    def process(self, name):
        a = self.get(f'/v1/processes/{name}')
        same(a.status, 200, f'status of GET /v1/processes/{name}')
        return a.json()

    def names(self):
        return [p['name'] for p in self.processes()]

    def pids(self, name=None):
        return {p['name']: p['pid'] for p in self.processes(name)}

    def order(self, name, what, status=200, **body):
        return self.post(f'/v1/processes/{name}/{what}', body, status)

    def scale(self, program, status=200, **body):
        return self.post(f'/v1/programs/{program}/scale', body, status)

    def reload(self, status=200, **body):
        return self.post('/v1/reload', body, status)

    def apply(self, text):
        """Write the file and reload it; the plan's changes by name."""
        self.configure(text)
        return {c['name']: c for c in self.reload()['changes']}

    def rpc(self):
        return xmlrpc.client.ServerProxy('http://localhost', transport=UnixTransport(
            self.socket, self.case.patience)).supervisor

    def wait_state(self, name, state):
        last = {}

        def look():
            last.update(self.process(name))
            return last['state'] in (state if isinstance(state, tuple) else (state,))
        self.case.wait(look, f'{name} is {state}', lambda: f'is {last.get("state")}; '
                       f'log: {self.log()[-700:]}')
        return last

    def wait_process(self, name, test, what):
        last = {}

        def look():
            last.clear()
            last.update(self.process(name))
            return test(last)
        self.case.wait(look, f'{name}: {what}', lambda: f'{last}; log: {self.log()[-700:]}')
        return last

    def wait_all(self, state, count):
        got = {}

        def look():
            got.clear()
            got.update(self.info()['counts'])
            return got[state] == count
        self.case.wait(look, f'{count} processes are {state}', lambda: got)

    def worker_log(self, name, stream='stdout'):
        log = self.process(name)[stream]
        return read_file(log['logfile']) if log else ''

    def wait_worker_log(self, name, part, stream='stdout'):
        self.case.wait(lambda: part in self.worker_log(name, stream),
                       f'{part!r} in the {stream} log of {name}',
                       lambda: self.worker_log(name, stream)[-300:])
        return self.worker_log(name, stream)

    def ctl(self, *words, input=None):
        """supervisorctl; its exit code, stdout and stderr."""
        program = self.case.need_ctl()
        done = subprocess.run([program, '-c', self.conf, *words], input=input, text=True,
                              capture_output=True, timeout=self.case.patience * 2)
        for word in REPORTS:
            lacks(done.stderr, word, f'stderr of supervisorctl {" ".join(words)}')
        check(done.returncode >= 0, f'supervisorctl {words} died: {done.returncode}')
        return done.returncode, done.stdout, done.stderr


# ---- a story's surroundings

class Case:
    def __init__(self, directory, options):
        self.dir, self.options = directory, options
        self.asan = options.asan
        self.patience = PATIENCE_S * (ASAN_FACTOR if self.asan else 1)
        self.supervisord = f'{options.bin}/supervisord'
        self.worker = f'{options.bin}/worker'
        self.daemons, self.helpers, self.mounts = [], [], []

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def daemon(self, text='', **how):
        return Daemon(self, text, **how)

    def program(self, name, command, *lines):
        """A section; `command` is an argument list of the worker when it begins with a space."""
        command = self.worker + command if command.startswith(' ') else command
        return '\n'.join([f'[program:{name}]', f'command={command}', *lines]) + '\n'

    def wait(self, test, what, context=None):
        end = time.monotonic() + self.patience
        nap = 0.005
        while True:
            got = test()
            if got:
                return got
            if time.monotonic() > end:
                more = f': {context()}' if context else ''
                raise Failed(f'waited {self.patience:.0f} s in vain until {what}{more}')
            time.sleep(nap)
            nap = min(nap * 1.5, 0.1)

    def wait_gone(self, pid):
        self.wait(lambda: not alive(pid), f'pid {pid} is gone')

    def run_daemon(self, *args, env=None):
        """One that is expected to end by itself: its code, stdout, stderr."""
        done = subprocess.run([self.supervisord, *args], capture_output=True, text=True, env=env,
                              stdin=subprocess.DEVNULL, timeout=self.patience, cwd=self.dir)
        for word in REPORTS:
            lacks(done.stderr, word, f'stderr of supervisord {args}')
        check(done.returncode >= 0, f'supervisord {args} died: {done.returncode}: {done.stderr}')
        return done.returncode, done.stdout, done.stderr

    def need_ctl(self):
        path = f'{self.options.bin}/supervisorctl'
        if not os.path.exists(path):
            raise Skipped('there is no supervisorctl in this build')
        return path

    def use_fault_points(self):
        """From here on daemons are of the build that can be told where to die."""
        path = f'{self.options.bin}/faults/supervisord'
        if not os.path.exists(path):
            raise Skipped('there is no supervisord with fault points in this build')
        self.supervisord = path

    def use_failing_allocations(self):
        """From here on daemons are of the build whose allocations fail (fail_alloc.c)."""
        path = f'{self.options.bin}/short/supervisord'
        if not os.path.exists(path):
            raise Failed('there is no supervisord whose allocations fail in this build')
        self.supervisord = path

    def helper(self, argv, **how):
        """A program of the story's own, killed at its end."""
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, **how)
        self.helpers.append(p)
        return p

    def known_pids(self):
        """What may live: other daemons of this story and what they run, helpers."""
        known = set()
        running = [d.popen for d in self.daemons if d.popen and d.code is None] + self.helpers
        for p in running:
            known.add(p.pid)
            known.update(d.pid for d in descendants(p.pid))
        return known

    def finish(self):
        for d in self.daemons:
            d.finish()
        for h in self.helpers:
            h.kill()
            h.wait()

    def release(self):
        """Whatever happened: nothing stays."""
        for d in self.daemons:
            if d.popen and d.popen.poll() is None:
                d.popen.kill()
                d.popen.wait()
        kill_tree(os.getpid())
        for path in self.mounts:
            unmount(path)

    def deaths(self):
        """What explains a failure better than the story can: daemons that have died meanwhile."""
        found = []
        for d in self.daemons:
            if d.popen and d.code is None and d.popen.poll() is not None:
                said = [x for x in d.stderr().splitlines() if any(w in x for w in REPORTS)
                        or x.startswith('SUMMARY')]
                found.append(f'daemon {d.name} died with code {d.popen.returncode} '
                             + ' '.join(said)[:300])
        return '; '.join(found)

    def evidence(self):
        """What helps to find out why it failed."""
        found = []
        for d in self.daemons:
            for path in (d.err, d.logfile):
                text = read_file(path)
                if text:
                    found.append(f'--- {os.path.basename(path)} of daemon {d.name}')
                    found.append(text[-6000:].rstrip())
        return '\n'.join(found)


def become(uid, gid):
    """This user, for good."""
    os.setgroups([gid])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def lonely_uid():
    """A user of no process, not even of another run of these stories: for limits per user."""
    taken = set()
    for name in os.listdir('/proc'):
        if name.isdigit():
            with contextlib.suppress(OSError):
                taken.add(os.stat(f'/proc/{name}').st_uid)
    uid = 40000 + os.getpid() % 20000
    while uid in taken:
        uid += 1
    return uid


def nobody_ids():
    entry = pwd.getpwnam('nobody')
    return entry.pw_uid, entry.pw_gid
