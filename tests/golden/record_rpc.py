#!/usr/bin/env python3
"""Record the answers of a supervisord to the calls of rpc_story.py into rpc/*.xml."""
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import rpc_story

HERE = os.path.dirname(os.path.abspath(__file__))


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('localhost', timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def post(path, body):
    c = UnixConnection(path)
    c.request('POST', '/RPC2', body, {'Content-Type': 'text/xml'})
    r = c.getresponse()
    answer = r.read()
    c.close()
    if r.status != 200:
        raise SystemExit(f'status {r.status}')
    return answer


def ready(directory, wanted):
    name, text = wanted
    if name.endswith('.log'):
        with open(f'{directory}/{name}') as f:
            return f.read() == text
    info = post(f'{directory}/s.sock', rpc_story._call('supervisor.getProcessInfo', name))
    return f'<string>{text}</string>'.encode() in info


def main():
    directory = tempfile.mkdtemp(prefix='golden-')
    conf = f'{directory}/d.conf'
    with open(conf, 'w') as f:
        f.write(f'[unix_http_server]\nfile={directory}/s.sock\n[supervisord]\nnodaemon=true\n'
                f'logfile={directory}/main.log\npidfile={directory}/s.pid\nchildlogdir={directory}\n'
                '[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = '
                'supervisor.rpcinterface:make_main_rpcinterface\n'
                + rpc_story.CONFIG.replace('@T@', directory))
    daemon = subprocess.Popen([sys.argv[1], '-c', conf], stdout=subprocess.DEVNULL)
    try:
        while not os.path.exists(f'{directory}/s.sock'):
            time.sleep(0.05)
        time.sleep(1.5)
        for name, body, wanted in rpc_story.CALLS:
            while wanted and not ready(directory, wanted):
                time.sleep(0.05)
            answer = rpc_story.hide(name, post(f'{directory}/s.sock', body), directory)
            with open(f'{HERE}/rpc/{name}.xml', 'wb') as f:
                f.write(answer)
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait()
        shutil.rmtree(directory)


main()
