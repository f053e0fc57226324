"""The supervisors, each told to run the same workers by the same rules in its own language."""
import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
import xmlrpc.client

from benchlib import (PATIENCE_S, Records, Trouble, children_of, comm, cpu_ns, descendants_of,
                      end_everything, memory_of, wait_for, wakeups)

DAEMON_CONF = """
[unix_http_server]
file={dir}/s.sock
[supervisord]
logfile={dir}/main.log
pidfile={dir}/s.pid
childlogdir={dir}
silent=true
minfds={minfds}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{dir}/s.sock
"""


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path):
        super().__init__()
        self.path = path

    def make_connection(self, host):
        path = self.path

        class Connection(http.client.HTTPConnection):
            def connect(self):
                self.sock = socket.socket(socket.AF_UNIX)
                self.sock.connect(path)
        return Connection('localhost')


def begin_as_from_a_terminal():
    """In the child: a shell's background jobs ignore these two, which every start has to undo."""
    for number in signal.SIGINT, signal.SIGQUIT:
        signal.signal(number, signal.SIG_DFL)


class Fleet:
    """One running supervisor with its workers. Subclasses say how it is configured and asked."""

    name = '?'
    can_be_asked = False
    min_age_ms = 2  # how old a worker must be for its end to be no reason to wait

    def __init__(self, bench, count, *, do=None, logs=False, extra='', separate=False):
        self.bench, self.count, self.logs = bench, count, logs
        self.extra, self.separate = extra, separate
        self.worker = bench.worker
        self.dir = bench.place(self.name)
        self.records = Records(os.path.join(self.dir, 'fifo'))
        self.env = {**os.environ, 'BENCH_FIFO': self.records.path, **(do or {})}
        self.root = None
        self.workers = []

    def __enter__(self):
        self.configure()
        self.began_ns = time.monotonic_ns()
        self.root = subprocess.Popen(self.command(), env=self.env, cwd=self.dir,
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=self.stderr(), start_new_session=True,
                                     preexec_fn=begin_as_from_a_terminal)
        return self

    def __exit__(self, *why):
        with contextlib.suppress(OSError):
            os.kill(self.root.pid, signal.SIGKILL)
        end_everything()
        self.root.wait()
        self.records.close()
        if not self.bench.keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    def stderr(self):
        return open(os.path.join(self.dir, 'stderr'), 'wb')

    # -- life

    def wait_up(self):
        """Waits until every worker has written its first record. Nanoseconds since the supervisor was started."""
        found = self.records.wait(self.count)
        self.workers = [pid for pid, _, _ in found]
        self.up_ns = max(ns for _, ns, _ in found)
        return self.up_ns - self.began_ns

    def settle(self):
        """Until the supervisor has nothing left to do, or seems never to."""
        pids = self.supervising()
        last = -1
        for _ in range(12):
            now = cpu_ns(pids)
            if now == last:
                return
            last = now
            time.sleep(0.25)

    def stop(self):
        """From SIGTERM until every process is gone. Nanoseconds."""
        from_ns = time.monotonic_ns()
        self.tell_to_end()
        self.root.wait(timeout=PATIENCE_S)
        until = time.monotonic_ns()
        if self.supervised_below():
            wait_for(lambda: self._reap() or not children_of(os.getpid()), 'the fleet to end',
                     nap=0.002)
            until = time.monotonic_ns()
        return until - from_ns

    def _reap(self):
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        return False

    def tell_to_end(self):
        os.kill(self.root.pid, signal.SIGTERM)

    def supervised_below(self):
        """Whether supervising processes other than the first may outlive it."""
        return False

    # -- cost

    def supervising(self):
        """The pids of everything that supervises or logs."""
        return [self.root.pid]

    def memory(self):
        return memory_of(self.supervising())

    def cpu_ns(self):
        return cpu_ns(self.supervising())

    def wakeups(self):
        return wakeups(self.supervising())

    def log_of(self, number):
        return os.path.join(self.dir, f'log.{number}')

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)
        os.chmod(path, mode)
        return path


class _SupervisorLike(Fleet):
    can_be_asked = True

    def configure(self):
        text = DAEMON_CONF.format(dir=self.dir, minfds=min(4 * self.count + 1000, self.bench.nofile))
        if self.separate:
            self.write_programs()
            text += f'[include]\nfiles={self.dir}/programs.conf\n'
        else:
            text += self.program('w', self.count)
        self.conf = self.write('s.conf', text)

    def program(self, name, count, environment=''):
        several = 'process_name=%(program_name)s_%(process_num)05d\n' if not self.separate else ''
        log = f'{self.dir}/log.%(process_num)d' if self.logs else 'NONE'
        return (f'[program:{name}]\ncommand={self.worker}\n{several}numprocs={count}\n'
                f'startsecs=0\nrestart_delay=0\nautorestart=true\nstdout_logfile={log}\n'
                f'stdout_logfile_maxbytes=0\nstderr_logfile=NONE\n{environment}{self.extra}\n')

    def write_programs(self, changed=-1, value=0):
        """Each worker a program of its own; one of them with another environment than before."""
        text = ''.join(self.program(f'p{i:05d}', 1, f'environment=CHANGED="{value}"\n'
                                    if i == changed else '') for i in range(self.count))
        self.write('programs.conf', text)

    def command(self):
        return [self.supervisord, '-n', '-c', self.conf]

    @property
    def socket(self):
        return os.path.join(self.dir, 's.sock')

    def wait_answering(self):
        wait_for(lambda: self._answers(), f'{self.name} to answer')

    def _answers(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.rpc().supervisor.getState()
        return None

    def rpc(self):
        return xmlrpc.client.ServerProxy('http://localhost',
                                         transport=_UnixTransport(self.socket))

    def process(self, number):
        return f'p{number:05d}' if self.separate else f'w:w_{number:05d}'

    def pids(self):
        return {p['name']: p['pid'] for p in self.rpc().supervisor.getAllProcessInfo()}

    def question(self, method, *params):
        body = xmlrpc.client.dumps(params, method).encode()
        return self._request(f'POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n'
                             f'Content-Length: {len(body)}\r\n\r\n'.encode() + body)

    def _request(self, data):
        path = os.path.join(self.dir, 'question')
        with open(path, 'wb') as f:
            f.write(data)
        return path

    def ctl(self, *args):
        return [self.supervisorctl, '-c', self.conf, *args]

    def run_ctl(self, *args):
        """Nanoseconds that the command took."""
        from_ns = time.monotonic_ns()
        done = subprocess.run(self.ctl(*args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=PATIENCE_S)
        took = time.monotonic_ns() - from_ns
        if done.returncode != 0:
            raise Trouble(f'{self.name}: supervisorctl {" ".join(args)}: {done.stdout[-300:]}')
        return took


class Ours(_SupervisorLike):
    name = 'ours'

    @property
    def supervisord(self):
        return os.path.join(self.bench.build, 'bin', 'supervisord')

    @property
    def supervisorctl(self):
        return os.path.join(self.bench.build, 'bin', 'supervisorctl')

    def get(self, path):
        return self._request(f'GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())

    def apply(self):
        return self.run_ctl('apply')


class Stateless(Ours):
    """Nothing of it survives its own death."""

    def configure(self):
        super().configure()
        with open(self.conf) as f:
            text = f.read()
        self.write('s.conf', text.replace('[supervisord]\n', '[supervisord]\nstatedir=/proc/none/state\n', 1))


class Supervisor(_SupervisorLike):
    name = 'supervisor'
    supervisord = '/usr/bin/supervisord'
    supervisorctl = '/usr/bin/supervisorctl'

    def apply(self):
        return self.run_ctl('reread') + self.run_ctl('update')


class _Tree(Fleet):
    """s6 and runit: a directory and a supervising process per service."""

    min_age_ms = 1100  # a run of less than a second makes them wait for one

    def configure(self):
        for i in range(self.count):
            service = os.path.join(self.dir, 'scan', f'w{i:05d}')
            os.makedirs(service)
            os.symlink(self.bench.worker, os.path.join(service, 'run'))
            if self.logs:
                self.write(f'scan/w{i:05d}/log/run',
                           f'#!/bin/sh\nexec {self.logger(self.log_of(i))}\n', 0o755)

    def supervising(self):
        workers = os.path.basename(self.bench.worker)
        return [self.root.pid] + [p for p in descendants_of(self.root.pid) if comm(p) != workers]

    def supervised_below(self):
        return True

    def log_of(self, number):
        return os.path.join(self.dir, f'log.{number}', 'current')


class S6(_Tree):
    name = 's6'
    min_age_ms = 2  # it waits for a second, however old the worker was

    def command(self):
        return ['s6-svscan', '-c', str(2 * self.count + 100), os.path.join(self.dir, 'scan')]

    def logger(self, path):
        folder = os.path.dirname(path)
        return f'env -i PATH=/usr/bin:/bin s6-log n20 s268435455 {folder}'


class Runit(_Tree):
    name = 'runit'

    def command(self):
        return ['runsvdir', '-P', os.path.join(self.dir, 'scan')]

    def configure(self):
        super().configure()
        for i in range(self.count if self.logs else 0):
            self.write(f'log.{i}/config', 's0\n')

    def logger(self, path):
        return f'env -i PATH=/usr/bin:/bin svlogd {os.path.dirname(path)}'

    def tell_to_end(self):
        os.kill(self.root.pid, signal.SIGHUP)


class Least(Fleet):
    """The least that a supervisor must do (least.c): what a restart's figures are compared with."""

    name = 'floor'

    def configure(self):
        pass

    def command(self):
        return [os.path.join(self.bench.build, 'bench', 'least'), str(self.count), self.worker]


PEERS = {'supervisor': Supervisor, 's6': S6, 'runit': Runit}
NEEDED = {'supervisor': '/usr/bin/supervisord', 's6': 's6-svscan', 'runit': 'runsvdir'}


def present():
    """The peers that this machine has."""
    return {name: kind for name, kind in PEERS.items() if shutil.which(NEEDED[name])}
