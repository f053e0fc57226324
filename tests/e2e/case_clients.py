"""What people have written against Supervisor: listeners on its childutils, Ansible's module, Python's
ServerProxy. They use Debian's package where it is installed."""
import os
import re
import shutil
import subprocess
import sys
import xmlrpc.client

from e2elib import Skipped, check, free_port, has, read_file, same, story, write_file

# A crash mailer and a memory watcher in the style of superlance.
CRASHMAIL = r'''
import sys
from supervisor import childutils
while True:
    headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
    pheaders, pdata = childutils.eventdata(payload + '\n')
    if headers['eventname'] == 'PROCESS_STATE_EXITED' and not int(pheaders['expected']):
        with open(sys.argv[1], 'a') as f:
            f.write('%s in group %s exited unexpectedly (pid %s) from state %s\n' % (
                pheaders['processname'], pheaders['groupname'], pheaders['pid'],
                pheaders['from_state']))
    sys.stderr.write('seen %s\n' % headers['eventname'])
    childutils.listener.ok(sys.stdout)
'''

MEMMON = r'''
import os, sys
from supervisor import childutils
rpc = childutils.getRPCInterface(os.environ)
limit_kb, told = int(sys.argv[1]), sys.argv[2]
while True:
    headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
    if headers['eventname'].startswith('TICK'):
        for info in rpc.supervisor.getAllProcessInfo():
            if not info['pid'] or info['name'] in ('memmon', 'crashmail'):
                continue
            with open('/proc/%d/status' % info['pid']) as f:
                kb = [int(line.split()[1]) for line in f if line.startswith('VmRSS')]
            if kb and kb[0] > limit_kb:
                name = '%s:%s' % (info['group'], info['name'])
                rpc.supervisor.stopProcess(name)
                rpc.supervisor.startProcess(name)
                with open(told, 'a') as f:
                    f.write('restarted %s at %d kB\n' % (name, kb[0]))
    childutils.listener.ok(sys.stdout)
'''


def python_with_supervisor():
    for python in ('/usr/bin/python3', sys.executable):
        if subprocess.run([python, '-c', 'import supervisor.childutils'],
                          stderr=subprocess.DEVNULL).returncode == 0:
            return python
    raise Skipped("Supervisor's Python package is not installed")


@story(nobody=True)
def listeners_on_supervisors_own_library_do_their_work(c):
    python = python_with_supervisor()
    mail, told = c.path('mail'), c.path('told')
    write_file(c.path('crashmail.py'), CRASHMAIL)
    write_file(c.path('memmon.py'), MEMMON)
    write_file(c.path('fat.py'), 'import time\nfat = b"x" * 60_000_000\ntime.sleep(1000)\n')
    d = c.daemon(f'''
[program:fat]
command={python} {c.path('fat.py')}
startsecs=0
[program:thin]
command=/bin/sleep 1000
startsecs=0
[program:crash]
command=/bin/sh -c "exit 7"
startsecs=0
autostart=false
autorestart=false
[program:fine]
command=/bin/sh -c "exit 0"
startsecs=0
autostart=false
autorestart=false
[eventlistener:crashmail]
command={python} {c.path('crashmail.py')} {mail}
events=PROCESS_STATE
buffer_size=100
startsecs=0
[eventlistener:memmon]
command={python} {c.path('memmon.py')} 40000 {told}
events=TICK_5
startsecs=0
''')
    d.wait_all('RUNNING', 4)
    thin, fat = d.process('thin')['pid'], d.process('fat')['pid']
    for name in ('fine', 'crash'):
        d.order(name, 'start', status=None)
    c.wait(lambda: 'crash in group crash exited unexpectedly' in read_file(mail), 'a mail came',
           lambda: read_file(mail))
    check('fine' not in read_file(mail), f'a mail too many: {read_file(mail)!r}')
    c.wait(lambda: 'restarted fat:fat at' in read_file(told), 'the fat one was restarted',
           lambda: d.log()[-800:])
    d.wait_process('fat', lambda p: p['pid'] not in (0, fat), 'has another pid')
    same(d.process('thin')['pid'], thin, 'pid of the thin one')
    has(d.worker_log('crashmail', 'stderr'), 'seen PROCESS_STATE_EXITED')


# ---- what Ansible's supervisorctl module does with the client's texts

class AnsibleFailed(Exception):
    pass


class Ansible:
    def __init__(self, d, client):
        self.d, self.client = d, client

    def run(self, *words):
        done = subprocess.run([self.client, '-c', self.d.conf, *words], capture_output=True,
                              text=True, timeout=self.d.case.patience)
        return done.returncode, done.stdout, done.stderr

    def processes(self, name):
        _, out, _ = self.run('status')
        found = []
        for line in out.splitlines():
            fields = [x for x in line.split(' ') if x]
            if name.endswith(':') and fields[0].startswith(name):
                found.append((fields[0], fields[1]))
            elif fields[0] == name:
                found.append((fields[0], fields[1]))
        return found

    def act(self, name, wanted, action, expected):
        """Whether something changed."""
        todo = [p for p, state in self.processes(name) if wanted(state)]
        for p in todo:
            code, out, _ = self.run(action, p)
            if f'{p}: {expected}' not in out:
                raise AnsibleFailed(out)
        return bool(todo)

    def state(self, name, state):
        if state == 'present':
            if self.processes(name):
                return False
            self.run('reread')
            _, out, _ = self.run('add', name)
            if f'{name}: added process group' not in out:
                raise AnsibleFailed(out)
            return True
        if state == 'absent':
            if not self.processes(name):
                return False
            self.run('reread')
            self.run('stop', name)
            _, out, _ = self.run('remove', name)
            if f'{name}: removed process group' not in out:
                raise AnsibleFailed(out)
            return True
        if state == 'restarted':
            self.run('update', name)
            self.act(name, lambda s: s in ('RUNNING', 'STARTING'), 'stop', 'stopped')
            return self.act(name, lambda s: True, 'start', 'started')
        if state == 'started':
            return self.act(name, lambda s: s not in ('RUNNING', 'STARTING'), 'start', 'started')
        if state == 'stopped':
            return self.act(name, lambda s: s in ('RUNNING', 'STARTING'), 'stop', 'stopped')
        raise AnsibleFailed(state)


@story(nobody=True)
def ansibles_module_understands_both_clients(c):
    for client in (c.need_ctl(), '/usr/bin/supervisorctl'):
        if not os.path.exists(client):
            continue
        web = c.program('web', ' sleep', 'startsecs=0')
        d = c.daemon(web, name='d' + re.sub(r'\W', '', client))
        a = Ansible(d, client)
        d.wait_all('RUNNING', 1)
        same(a.state('web', 'started'), False, 'started again')
        same(a.state('web', 'stopped'), True, 'stopped')
        same(a.state('web', 'stopped'), False, 'stopped again')
        same(a.state('web', 'started'), True, 'started')
        before = d.pids()['web']
        same(a.state('web', 'restarted'), True, 'restarted')
        check(d.pids()['web'] != before, 'it runs anew')
        d.configure(web + c.program('new', ' sleep', 'startsecs=0'))
        same(a.state('new', 'present'), True, 'present')
        same(a.state('new', 'present'), False, 'present again')
        d.wait_all('RUNNING', 2)
        same(a.state('new', 'absent'), True, 'absent')
        same(a.state('new', 'absent'), False, 'absent again')
        same(d.names(), ['web'], 'processes')
        d.stop()


@story(nobody=True)
def pythons_own_client_drives_it_over_tcp(c):
    port = free_port()
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0', 'autostart=false'),
                 sections=f'[inet_http_server]\nport=127.0.0.1:{port}\nusername=u\npassword=p\n')
    with xmlrpc.client.ServerProxy(f'http://u:p@127.0.0.1:{port}/RPC2') as server:
        same(server.supervisor.getState(), {'statecode': 1, 'statename': 'RUNNING'}, 'getState')
        same(server.supervisor.startProcess('w'), True, 'startProcess')
        same(server.supervisor.getProcessInfo('w')['pid'], d.pids()['w'], 'pid')
        same(server.system.multicall([{'methodName': 'supervisor.stopProcess', 'params': ['w']},
                                      {'methodName': 'supervisor.getAPIVersion', 'params': []}]),
             [True, '3.0'], 'multicall')
    try:
        xmlrpc.client.ServerProxy(f'http://u:x@127.0.0.1:{port}/RPC2').supervisor.getState()
        check(False, 'a wrong password was taken')
    except xmlrpc.client.ProtocolError as e:
        same(e.errcode, 401, 'status with a wrong password')


NODE = r"""
const client = require('supervisord').connect('http://ann:s3cret@127.0.0.1:' + process.argv[2]);
const ask = (method, ...args) => new Promise((yes, no) =>
    client[method](...args, (err, result) => err ? no(err) : yes(result)));
(async () => {
    const told = [];
    told.push(await ask('startProcess', 'w'));
    told.push((await ask('getProcessInfo', 'w')).statename);
    told.push(await ask('stopProcess', 'w'));
    told.push((await ask('getProcessInfo', 'w')).statename);
    told.push((await ask('getState')).statename);
    told.push(await ask('startProcess', 'nosuch').catch(e => e.faultCode || e.code));
    console.log(told.join(' '));
})().catch(e => { console.error(e); process.exit(1); });
"""


@story(root=True, slow=2)
def a_client_for_node_starts_stops_and_asks(c):
    if not shutil.which('npm') or not shutil.which('node'):
        raise Skipped('there is no Node')
    try:
        done = subprocess.run(['npm', 'install', '--no-audit', '--no-fund', '--silent',
                               'supervisord'], cwd=c.dir, capture_output=True, timeout=60)
        there = done.returncode == 0 and os.path.isdir(c.path('node_modules/supervisord'))
    except subprocess.TimeoutExpired:
        there = False
    if not there:
        raise Skipped('the npm registry cannot be reached')
    port = free_port()
    c.daemon(c.program('w', ' sleep', 'startsecs=0', 'autostart=false'),
             sections=f'[inet_http_server]\nport=127.0.0.1:{port}\nusername=ann\n'
                      'password=s3cret\n')
    write_file(c.path('t.js'), NODE)
    done = subprocess.run(['node', 't.js', str(port)], cwd=c.dir, capture_output=True, text=True,
                          timeout=c.patience)
    same((done.returncode, done.stdout), (0, 'true RUNNING true STOPPED RUNNING 10\n'),
         f'what the client was told ({done.stderr[-600:]})')
