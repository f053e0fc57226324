"""Calls in a row, and what is hidden of the answers: shared by the recorder and the test.

The answers in rpc/*.xml were recorded once from Debian's Supervisor 4.2.5, so that ours can be
compared with them byte for byte:

    tests/golden/record_rpc.py /usr/bin/supervisord
"""
import re
import xmlrpc.client

CONFIG = '''
[program:cat]
command=/bin/cat
startsecs=0
autostart=false
priority=5
stdout_logfile=@T@/cat.log
stderr_logfile=NONE
environment=A="1"
[program:once]
command=/bin/sh -c "printf 'a<b> & "é"\\n'; sleep 0.5; exit 3"
startsecs=0
autostart=false
autorestart=false
exitcodes=2,0
redirect_stderr=true
stdout_logfile=@T@/once.log
[program:missing]
command=/nonexistent/program
autostart=false
startretries=0
[program:web]
command=/bin/sleep 1000
process_name=%(program_name)s_%(process_num)d
numprocs=2
startsecs=0
autostart=false
user=root
stopsignal=INT
[program:one]
command=/bin/sleep 1000
startsecs=0
autostart=false
[group:pair]
programs=one
priority=7
'''


def _call(method, *params):
    return xmlrpc.client.dumps(params, method, allow_none=False).encode()


def _multi(*calls):
    return _call('system.multicall', [{'methodName': m, 'params': list(p)} for m, *p in calls])


def _raw(text):
    return text.encode()


# name, body, and whether a moment has to pass before (a state, as (process, state name))
CALLS = [
    ('api_version', _call('supervisor.getAPIVersion'), None),
    ('supervisor_version', _call('supervisor.getSupervisorVersion'), None),
    ('identification', _call('supervisor.getIdentification'), None),
    ('state', _call('supervisor.getState'), None),
    ('pid', _call('supervisor.getPID'), None),
    ('list_methods', _call('system.listMethods'), None),
    ('signature', _call('system.methodSignature', 'supervisor.startProcess'), None),
    ('signature_unknown', _call('system.methodSignature', 'supervisor.nope'), None),
    ('config_info', _call('supervisor.getAllConfigInfo'), None),
    ('info_never_started', _call('supervisor.getProcessInfo', 'cat'), None),
    ('info_bad_name', _call('supervisor.getProcessInfo', 'no<such>&name'), None),
    ('unknown_method', _call('supervisor.nope'), None),
    ('too_few', _call('supervisor.getProcessInfo'), None),
    ('start', _call('supervisor.startProcess', 'cat'), None),
    ('start_again', _call('supervisor.startProcess', 'cat'), None),
    ('start_missing', _call('supervisor.startProcess', 'missing'), None),
    ('info_running', _call('supervisor.getProcessInfo', 'cat'), None),
    ('stdin', _call('supervisor.sendProcessStdin', 'cat', 'hello\n'), None),
    ('read_log', _call('supervisor.readProcessStdoutLog', 'cat', 0, 0), ('cat.log', 'hello\n')),
    ('tail_log', _call('supervisor.tailProcessStdoutLog', 'cat', 0, 3), None),
    ('read_no_log', _call('supervisor.readProcessStderrLog', 'cat', 0, 0), None),
    ('read_bad_arguments', _call('supervisor.readProcessStdoutLog', 'cat', -1, 1), None),
    ('clear_logs', _call('supervisor.clearProcessLogs', 'cat'), None),
    ('signal', _call('supervisor.signalProcess', 'cat', 'CONT'), None),
    ('signal_bad', _call('supervisor.signalProcess', 'cat', 'NOPE'), None),
    ('start_group', _call('supervisor.startProcessGroup', 'web'), None),
    ('signal_group', _call('supervisor.signalProcessGroup', 'web', 'CONT'), None),
    ('start_once', _call('supervisor.startProcess', 'once'), None),
    ('read_markup', _call('supervisor.readProcessStdoutLog', 'once', 0, 0), ('once', 'EXITED')),
    ('info_exited', _call('supervisor.getProcessInfo', 'once'), None),
    ('stop', _call('supervisor.stopProcess', 'cat'), None),
    ('stop_again', _call('supervisor.stopProcess', 'cat'), None),
    ('stop_group', _call('supervisor.stopProcessGroup', 'pair'), None),
    ('info_all', _call('supervisor.getAllProcessInfo'), None),
    ('reload_config', _call('supervisor.reloadConfig'), None),
    ('add_active', _call('supervisor.addProcessGroup', 'web'), None),
    ('remove_running', _call('supervisor.removeProcessGroup', 'web'), None),
    ('remove', _call('supervisor.removeProcessGroup', 'pair'), None),
    ('remote_event', _call('supervisor.sendRemoteCommEvent', 'type', 'data'), None),
    ('multicall', _multi(['supervisor.getState'], ['supervisor.startProcess', 'cat'],
                         ['supervisor.getProcessInfo', 'nope'], ['system.multicall', []],
                         ['supervisor.stopProcess', 'cat']), None),
    ('untyped', _raw('<methodCall><methodName>supervisor.stopProcess</methodName><params><param>'
                     '<value>cat</value></param></params></methodCall>'), None),
]

HIDDEN = [
    (rb'(<name>(?:pid|start|stop|now)</name>\n<value><int>)[1-9]\d*(?=</int>)', rb'\1N'),
    (rb'pid \d+, uptime \d+:\d\d:\d\d', rb'pid N, uptime T'),
    (rb'[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M', rb'DATE'),
    (rb'supervisor-[a-z0-9_]{8}\.log', rb'supervisor-RANDOM.log'),
]


def hide(name, body, directory):
    """What differs from run to run."""
    body = body.replace(directory.encode(), b'@T@')
    for pattern, text in HIDDEN:
        body = re.sub(pattern, text, body)
    if name == 'pid':
        body = re.sub(rb'\d{2,}', b'N', body)
    return body
