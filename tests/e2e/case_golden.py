"""The wire: answers of XML-RPC are Supervisor's, byte for byte (see tests/golden/rpc_story.py)."""
import os
import sys

from e2elib import read_file, same, story

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'golden')
sys.dont_write_bytecode = True
sys.path.insert(0, GOLDEN)
import rpc_story  # noqa: E402


@story(root=True)
def xml_rpc_answers_are_supervisors_byte_for_byte(c):
    d = c.daemon(rpc_story.CONFIG.replace('@T@', c.path('d')))
    for name, body, wanted in rpc_story.CALLS:
        if wanted and wanted[0].endswith('.log'):
            c.wait(lambda: read_file(c.path('d', wanted[0])) == wanted[1], f'{wanted[0]} is written')
        elif wanted:
            d.wait_state(*wanted)
        a = d.request('POST', '/RPC2', body, {'Content-Type': 'text/xml'})
        same((a.status, a.headers['Content-Type']), (200, 'text/xml'), f'answer to {name}')
        with open(f'{GOLDEN}/rpc/{name}.xml', 'rb') as f:
            same(rpc_story.hide(name, a.body, c.path('d')), f.read(), name)
