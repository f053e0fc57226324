"""Lines in syslog, read from a socket of the story's own."""
import os
import re
import socket

from e2elib import check, has, lacks, same, story


class Reader:
    """Stands for the syslog daemon behind /dev/log."""

    def __init__(self, case, path):
        self.case, self.path, self.s = case, path, None
        self.lines = []
        self.start()

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.s.bind(self.path)
        os.chmod(self.path, 0o666)
        self.s.settimeout(0.05)  # the daemon needs a moment to fill it again

    def stop(self):
        self.s.close()

    def read(self):
        try:
            while True:
                self.lines.append(self.s.recv(65536).decode())
        except TimeoutError:
            return self.lines

    def wait(self, part, count=1):
        self.case.wait(lambda: sum(part in x for x in self.read()) >= count,
                       f'{count} x {part!r} in syslog', lambda: self.lines[-5:])
        return [x for x in self.lines if part in x]


def begin(c, text, **how):
    log = Reader(c, c.path('log'))
    d = c.daemon(text, supervisord=f'syslog_socket={log.path}', **how)
    return d, log


ECHO = ('stdout_syslog=true', 'startsecs=0')


@story(nobody=True)
def lines_reach_syslog_as_supervisor_sends_them(c):
    d, log = begin(c, c.program('w', ' echo', *ECHO))
    d.wait_state('w', 'RUNNING')
    d.order('w', 'stdin', 204, data='hello\n')
    line = log.wait('hello')[0]
    check(re.fullmatch(r'<14>[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d supervisord: w hello', line), line)


@story(nobody=True)
def facility_level_and_tag_change_while_the_worker_runs(c):
    def text(*more):
        return c.program('w', ' echo', *ECHO, *more)
    d, log = begin(c, text())
    pid = d.wait_state('w', 'RUNNING')['pid']
    keys = ('stdout_syslog_facility=local3', 'stdout_syslog_level=warning',
            'stdout_syslog_tag=shop-%(process_name)s')
    same(d.apply(text(*keys))['w']['action'], 'live', 'action')
    d.order('w', 'stdin', 204, data='one\n')
    line = log.wait('one')[0]
    check(re.fullmatch(rf'<156>\w+ [ 0-9]\d [\d:]+ shop-w\[{pid}\]: one', line), line)
    d.apply(text(*keys, 'stdout_syslog_format=rfc5424'))
    d.order('w', 'stdin', 204, data='zw\u00f6\n')
    line = log.wait('zw')[0]
    stamp = r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z'
    check(re.fullmatch(rf'<156>1 {stamp} \S+ shop-w {pid} stdout - \ufeffzw\u00f6', line), line)
    same(d.process('w')['pid'], pid, 'pid')


@story(nobody=True)
def a_tag_that_cannot_be_one_is_refused(c):
    d, _ = begin(c, c.program('w', ' echo', *ECHO))
    d.configure(c.program('w', ' echo', *ECHO, 'stdout_syslog_tag=a b'))
    answer = d.request('POST', '/v1/reload', {})
    same(answer.status, 422, 'status')
    has(answer.body.decode(), "without blanks, ':' and '[', got 'a b'", 'answer')
    d.wait_state('w', 'RUNNING')


@story(nobody=True)
def a_syslog_that_is_restarted_misses_nothing(c):
    d, log = begin(c, c.program('w', ' lines 6000', *ECHO, 'stdout_logfile=NONE',
                                'autorestart=false', 'autostart=false')
                   + c.program('e', ' echo', *ECHO))
    d.wait_state('e', 'RUNNING')
    log.stop()
    d.order('w', 'start', None)
    d.wait_state('w', 'EXITED')  # the exit does not wait for syslog
    d.wait_log('syslog: send to')
    log.start()
    log.wait('supervisord: w line', 6000)
    numbers = [int(x.rsplit(' ', 1)[1]) for x in log.lines]
    same(numbers, list(range(1, 6001)), 'lines')
    d.wait_process('w', lambda p: p['stdout']['syslog']['buffered'] == 0, 'all is sent')
    o = d.process('w')['stdout']
    same((o['logfile'], o['dropped'], o['syslog']['dropped']), (None, 0, 0), 'ledger')
    d.wait_log('takes messages again')
    d.order('e', 'stdin', 204, data='again\n')
    log.wait('e again')


@story(nobody=True)
def a_syslog_that_does_not_read_holds_up_no_worker(c):
    count = 200_000
    size = sum(len(f'line {i}\n') for i in range(1, count + 1))
    d, log = begin(c, c.program('w', f' lines {count}', *ECHO, f'stdout_logfile={c.path("out")}',
                                'autorestart=false'))
    d.wait_state('w', 'EXITED')
    o = d.wait_process('w', lambda p: p['stdout']['written'] == size, 'the file has all')['stdout']
    check(o['syslog']['dropped'] > 1_000_000, o)
    same(sum(o['syslog'].values()), size, 'bytes')
    d.wait_log("syslog of 'w' stdout: ")
    c.wait(lambda: log.read() and d.process('w')['stdout']['syslog']['buffered'] == 0, 'it is read')
    o = d.process('w')['stdout']['syslog']
    numbers = [int(x.rsplit(' ', 1)[1]) for x in log.read()]
    same(numbers, sorted(set(numbers)), 'order')
    same(sum(len(f'line {i}\n') for i in numbers), o['sent'], 'bytes sent')
    same(len(d.lines('what goes there waits')), 0, 'a full socket is no trouble')
    c.wait(lambda: sum(int(re.search(r'stdout: (\d+) bytes', x).group(1))
                       for x in d.lines("syslog of 'w'")) == o['dropped'], 'the log says how much')


@story(nobody=True)
def the_main_log_may_be_in_syslog(c):
    log = Reader(c, c.path('log'))
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'),
                 supervisord=f'logfile=syslog\nsyslog_socket={log.path}\nsilent=true')
    line = log.wait('success: w entered RUNNING state')[0]
    has(line, '<14>', 'line')
    log.stop()
    d.order('w', 'restart')
    log.start()
    log.wait('stopped: w')
    lacks(''.join(log.lines), 'missing', 'syslog')
