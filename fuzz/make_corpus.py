#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seeds of the fuzz targets: corpus/<target>/<name>.

Texts, archives and frames are made here; evidence comes from the simulated platform
(evidence.c). Inputs that a fuzzer found stay where they are: they are named found-*.

usage (inside the tool root): make_corpus.py EVIDENCE-PROGRAM [DIRECTORY]
"""
import base64
import io
import json
import os
import subprocess
import sys
import tarfile
import urllib.parse

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

HERE = os.path.dirname(os.path.abspath(__file__))

COMPOSE = {
    'manifest_version': 2, 'name': 'hello', 'runner': 'docker-compose',
    'docker_compose_file': 'services: {web: {image: "hello@sha256:' + '0' * 64 + '"}}',
    'kms_enabled': True, 'gateway_enabled': True, 'public_logs': True, 'public_sysinfo': True,
    'public_tcbinfo': False, 'key_provider_id': '30' * 8, 'allowed_envs': ['A', 'B_C'],
    'no_instance_id': False, 'secure_time': False, 'pre_launch_script': 'echo \\u0041 "x"\n',
}
NEWER = dict(COMPOSE, manifest_version='3', key_provider='kms', storage_fs='ext4',
             swap_size=1 << 30, event_log_version=2,
             ports=[{'port': 80, 'proxy_protocol': True}, {'port': 443}],
             requirements={'os_version': '1', 'platforms': ['tdx'], 'launch_token_hash': '1' * 64,
                           'tdx_measure_acpi_tables': True, 'gpu_policy': {'a': [1, 2]}},
             image_volumes=[{'source': 'web.img', 'image': 'hello:1', 'verity_root': 'ab' * 32,
                             'data_blocks': 16}],
             verity_volumes=[{'source': 'data.img', 'target': '/data', 'verity_root': 'cd' * 32}],
             internet=False, user_config_hash='ef' * 32)
SYS_CONFIG = {
    'kms_urls': ['https://10.0.2.100:8000'], 'vm_config': '{"a":"\\u00e9"}', 'mr_config': '{}',
    'network': {'nics': [{'mac': '52:54:00:00:00:01', 'address': '10.0.2.15/24',
                          'gateway': '10.0.2.2', 'dns': '10.0.2.3', 'default': True}]},
}
LUKS = {
    'keyslots': {'0': {
        'type': 'luks2', 'key_size': 64, 'af': {'type': 'luks1', 'stripes': 4000, 'hash': 'sha256'},
        'area': {'type': 'raw', 'offset': '32768', 'size': '258048', 'encryption': 'aes-xts-plain64',
                 'key_size': 64},
        'kdf': {'type': 'pbkdf2', 'hash': 'sha256', 'iterations': 1000, 'salt': 'AA=='}}},
    'tokens': {},
    'segments': {'0': {'type': 'crypt', 'offset': '16777216', 'size': 'dynamic', 'iv_tweak': '0',
                       'encryption': 'aes-xts-plain64', 'sector_size': 4096}},
    'digests': {'0': {'type': 'pbkdf2', 'keyslots': ['0'], 'segments': ['0'], 'hash': 'sha256',
                      'iterations': 1000, 'salt': 'AA==', 'digest': 'AA=='}},
    'config': {'json_size': '12288', 'keyslots_size': '16744448'},
}
MARKER = bytes.fromhex('d5c79af1b6e883acfd91ceb4a2ef98db')


def dumps(value):
    return json.dumps(value).encode()


def tar(*members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue().rstrip(b'\0').ljust((len(out.getvalue().rstrip(b'\0')) + 511) // 512 * 512,
                                              b'\0') + bytes(1024)


def frame(stream, kind, payload):
    return len(payload).to_bytes(4, 'little') + stream.to_bytes(4, 'little') + bytes([kind]) + payload


def hello(own, seen=0):
    return frame(0, 1, MARKER + (1).to_bytes(4, 'little') + own.to_bytes(16, 'big') +
                 seen.to_bytes(16, 'big'))


def rpc(method, path, kind, body):
    return f'{method}\n{path}\n{kind}\n'.encode() + body


HELLO, REQUEST, REPLY, DATA, END, RESET = range(1, 7)
JSON_TYPE = 'application/json'
ALL = {'text': 'abc', 'n': 7, 'on': True, 'data': '0xDEADbeef', 'names': ['a', 'b'],
       'hashes': ['00ff'], 'inner': {'n': 1, 'text': 'x'}, 'list': [{'n': 2}], 'any': [None, 1.5]}


def event(imr, kind, name, payload=b'', **more):
    return dict(imr=imr, event_type=kind, digest='', event=name, event_payload=payload.hex(), **more)


def ccel():
    """A TCG crypto-agile log: the Spec ID event, then one event with a SHA-384 digest."""
    def le(value, n):
        return value.to_bytes(n, 'little')
    spec = (b'Spec ID Event03\0' + le(0, 4) + bytes([0, 2, 0, 2]) + le(1, 4) + le(0x0c, 2) + le(48, 2) +
            b'\0')
    first = le(1, 4) + le(3, 4) + bytes(20) + le(len(spec), 4) + spec
    second = le(1, 4) + le(4, 4) + le(1, 4) + le(0x0c, 2) + bytes(range(48)) + le(4, 4) + b'boot'
    return first + second + b'\xff' * 16


CMW = {
    'record.json': b'["application/vnd.example.rats-conceptual-msg","I0faVQ"]',
    'collection.json': b'{"__cmwc_t":"tag:example.com,2024:b","a":["application/eat+jwt; x=\\"y\\"","oA",4],'
                       b'"\\u0062":{"c":["a/b","AA"]}}',
    'record.cbor': bytes.fromhex('8319fde7442347da5503'),
    'tag.cbor': bytes.fromhex('da6374ffe6442347da55'),
    'collection.cbor': bytes.fromhex('a3685f5f636d77635f7465322e312e30008201410720da637401014108'),
    'nested.cbor': bytes.fromhex('a16161a12082014107'),
}

EAR_URN = 'urn:oid:2.25.87004685595501205687623033636980005123.4'
EAR = {
    'eat_profile': 'tag:ietf.org,2026:rats/ear#04', 'iat': 1666529184, 'exp': 1666529484,
    'ear_verifier_id': {'developer': 'https://veraison-project.org', 'build': 'vts 0.0.1'},
    'ear_raw_evidence': ['application/vnd.evidence', 'NzQ3MjY5NzM2NTYzNzQK'], 'eat_nonce': 'AAECAwQFBgc=',
    'ear_status': 'contraindicated',
    'submods': {'PSA': {
        'ear_status': 'contraindicated', 'ear_appraisal_policy_ids': ['https://veraison.example/policy'],
        'ear_trustworthiness_vector': {'instance-identity': 2, 'executables': 96, 'hardware': -2},
        'ear_verifier_claims': {EAR_URN: {
            'kind': 'hardware', 'anchor': 'root', 'tee': 'sgx', 'tcb_status': 'UpToDate', 'advisories': ['A'],
            'reasons': [{'code': 'a.b', 'claim': 'c', 'expected': 'e', 'got': 'g', 'anchor': 'r'}],
            'measurements': {'mrtd': 'AQI'}}}}},
}


def cbor(value):
    """What the seeds need of deterministic CBOR."""
    def head(major, n):
        if n < 24:
            return bytes([major << 5 | n])
        width = next(w for w in (1, 2, 4, 8) if n < 1 << 8 * w)
        return bytes([major << 5 | (23 + width.bit_length())]) + n.to_bytes(width, 'big')
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value)) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b''.join(map(cbor, value))
    return head(5, len(value)) + b''.join(cbor(k) + cbor(v) for k, v in value.items())


EAR_CBOR = {
    4: 1666529484, 6: 1666529184, 10: bytes(range(8)), 265: EAR['eat_profile'], 1000: 96,
    266: {'PSA': {10: bytes(8), 1000: 96, 1001: {0: 2, 2: 96, 4: -2}, 1003: ['a'],
                  1006: {EAR_URN: {'kind': 'none', 'advisories': ['A'], 'reasons': [{'code': 'a.b'}],
                                   'measurements': {'mrtd': b'x'}}, -70000: [0]}}},
    1002: [263, b'evidence', 4], 1004: {0: 'd', 1: 'b'}, 'x': {1: [b'']},
}


def sign1(protected, unprotected, payload, sig_len=64):
    return b'\xd2' + cbor([cbor(protected), unprotected, payload, bytes(sig_len)])


def jws(header, payload):
    def part(b):
        return base64.urlsafe_b64encode(b).rstrip(b'=')
    return part(header) + b'.' + part(payload) + b'.' + part(bytes(64))


def policies():
    hash48 = '10' * 48
    wholes = {
        'least': {}, 'tees': {'tees': ['tdx', 'snp'], 'kinds': ['hardware', 'custom'], 'roots': ['mine'], 'debug': True},
        'tcb': {'tcb_statuses': ['UpToDate', 'OutOfDate'], 'tcb_advisories': ['INTEL-SA-00615'], 'sessions': ['nonce'],
                'intel': {'fmspcs': ['00806f050000'], 'max_tcb_age_s': 9, 'min_tcb_evaluation_number': 17,
                          'max_collateral_age_s': 9, 'min_qe_isvsvn': 4}},
        'app': {'report_data': ['00' * 64], 'device_ids': ['11' * 32],
                'app': {'event_log': True, 'ids': ['00' * 20], 'key_providers': ['{"name":"kms","id":"00"}']}},
        'tdx': {'tdx': {'attributes': [], 'mrtd': [hash48, '20' * 48], 'rtmr3': [hash48], 'mrservicetd': [hash48],
                        'min_tee_tcb_svn': [5] * 16}},
        'sgx': {'sgx': {'mrsigner': ['44' * 32], 'isvprodids': [0, 65535], 'min_isvsvn': 3, 'configids': ['55' * 64]}},
        'snp': {'snp': {'measurement': [hash48], 'vmpls': [0, 3], 'policy_allowed': ['smt'], 'keys': ['vlek'],
                        'policy_required': ['rapl_dis'], 'csp_ids': ['cloud'], 'unchecked_revocation': True,
                        'min_fmc_svn': 255}},
        'unknown': {'tdx': {'mrtds': []}}, 'type': {'debug': 'no'}, 'value': {'tdx': {'mrtd': ['10']}},
        'twice': {'sgx': {'isvprodids': [1, 1]}}, 'empty': {'tees': []}, 'contradiction': {'tees': ['sgx'], 'tdx': {}},
        'roots': {'roots': ['Intel SGX Root']}, 'section': {'intel': {}, 'snp': {}},
    }
    return {f'{name}.json': dumps({'version': 1, **members}) for name, members in wholes.items()}


POLICIES = {**policies(), 'version.json': b'{"version":2}', 'key_twice.json': b'{"version":1,"debug":true,"debug":true}'}

SEEDS = {
    'cmw': CMW,
    'cwt': {
        'claims.cbor': cbor(EAR_CBOR), 'es256.cbor': sign1({1: -7, 16: 263}, {4: b'k'}, cbor(EAR_CBOR)),
        'es384.cbor': sign1({1: -35}, {}, b'', 96), 'tagged.cbor': b'\xd8\x3d' + sign1({1: -7}, {}, b'\xa0'),
        'crit.cbor': sign1({1: -7, 2: [4]}, {}, b''),
    },
    'jwt': {
        'claims.json': dumps(EAR), 'es256.jwt': jws(b'{"alg":"ES256","typ":"eat+jwt"}', dumps(EAR)),
        'none.jwt': jws(b'{"alg":"none"}', b'{}'), 'crit.jwt': jws(b'{"alg":"ES256","crit":["a"]}', b'{}'),
    },
    'compose': {'first.json': dumps(COMPOSE), 'newer.json': dumps(NEWER),
                'bash.json': dumps({'manifest_version': 1, 'name': '', 'runner': 'bash',
                                    'bash_script': 'true', 'init_script': ['a', 'b']})},
    'config': {
        'all.yaml': b'on: false\nname: "a text"\nmode: kvm\nnet:\n  port: 80\n  limits: {bytes: 32}\n'
                    b'  hosts: [a, "b", \'c\']\n',
        'least.yaml': b'net: {port: 1}\n', 'anchors.yaml': b'net: &n {port: 1}\nname: *n\n',
        'block.yaml': b'# comment\nnet:\n  port: 1\nname: |\n  two\n  lines\n',
        'two.yaml': b'net: {port: 1}\n---\nnet: {port: 2}\n', 'unknown.yaml': b'nett: {port: 1}\n',
    },
    'documents': {'sys_config.json': dumps(SYS_CONFIG)},
    'event_log': {
        'runtime.json': dumps([event(3, 0x08000001, 'app-id', b'\1\2'),
                               event(3, 0x08000001, 'x', b'', version=2, preimage='7b7d')]),
        'small.ccel': ccel(),
    },
    'frame': {
        'session': bytes([15]) + hello(1) + frame(1, REQUEST, b'{}') + frame(2, DATA, b'abc') +
                   frame(2, END, b''),
        'restart': bytes([3]) + b'tail of a cut frame' + hello(1) + frame(1, REQUEST, b'{"a":1}')[:-4] +
                   hello(2) + frame(4, REPLY, b'{}'),
        'bad': bytes([0]) + hello(1) + frame(1, 9, b'') + hello(2) + frame(1, RESET, b''),
        'marker': bytes([7]) + MARKER[:14] + MARKER + MARKER,
    },
    'channel': {
        'requests': bytes([0xfd]) + frame(2, REQUEST, b'{}') + frame(4, REQUEST, b'{ }') +
                    frame(2, DATA, b'abc') + frame(2, END, b''),
        'replies': bytes([0xff]) + frame(1, REPLY, b'{}') + frame(1, DATA, b'abcdef') + frame(1, END, b''),
        'guest': bytes([0xfc]) + frame(1, REQUEST, b'{}') + frame(1, RESET, b'') + hello(9),
        'bad': bytes([0x07]) + frame(2, REQUEST, b'{}') + frame(2, 77, b''),
    },
    'http': {
        'get': b'\x05GET /prpc/Info?a=b HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n',
        'post': b'\x00POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET',
        'chunked': b'\x01POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n'
                   b'Trailer: t\r\n\r\n',
        'reply': b'\x8aHTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
        'many': b'\x10GET / HTTP/1.1\r\n' + b''.join(b'H%d: v\r\n' % i for i in range(70)) + b'\r\n',
        'smuggle': b'\x02POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    },
    'json': {
        'all.json': b'{"a":[1,-2.5e+3,true,false,null,"\\u00e9\\ud83d\\ude00\\n"],"b":{"":0}}',
        'twice.json': b'{"a":1,"\\u0061":2}', 'surrogate.json': b'"\\ud800"',
        'deep.json': b'[' * 40 + b']' * 40, 'numbers.json': b'[0,-0,1E9,9007199254740993,01]',
    },
    'luks': {'ours.json': dumps(LUKS)},
    'policy': POLICIES,
    'rpc': {
        'all': rpc('POST', '/prpc/All?json', JSON_TYPE, dumps(ALL)),
        'prefix': rpc('POST', '/prpc/Old.All', '', b'{"text":"\\u0000"}'),
        'query': rpc('GET', '/prpc/All?text=%41+b&n=5&on=true&names[]=a&names[]=b&data=00', '', b''),
        'query-object': rpc('GET', '/prpc/All?inner=1&list[0]=2&text=1&text=2', '', b''),
        'protobuf': rpc('POST', '/prpc/All', 'application/x-protobuf', b'\x0a\x01a'),
        'twice': rpc('POST', '/prpc/All', JSON_TYPE, b'{"n":1,"n":2}'),
        'forbidden': rpc('POST', '/prpc/Admin', JSON_TYPE, b'{}'),
        'call': rpc('CALL', '', '', dumps({'method': 'All', 'params': ALL})),
        'call-guest': rpc('CALL', '', '', b'{"method":"Guest","params":null}'),
        'delete': rpc('DELETE', '/prpc/All', '', b''),
    },
    'shared': {
        'all': tar(('app-compose.json', dumps(COMPOSE)), ('.sys-config.json', dumps(SYS_CONFIG)),
                   ('.instance_info', b'{}'), ('.encrypted-env', bytes(60)), ('.user-config', b'x' * 513)),
        'least': tar(('app-compose.json', b'{}'), ('.sys-config.json', b'{}')),
        'twice': tar(('app-compose.json', b'{}'), ('app-compose.json', b'{}')),
        'unknown': tar(('dir/app-compose.json', b'{}')),
    },
}


# As what the verifier reads them: the index of a media type, then the JSON of /v1/verify and of /verify.
SEEDS['verifier_body'] = {
    'attestation': b'\x00' + b'\x00\x00', 'tdx': b'\x01' + b'\4\0\2\0\x81\0\0\0', 'sgx': b'\x02' + b'\3\0\2\0\0\0\0\0',
    'report': b'\x03' + b'\2\0\0\0' + bytes(1180), 'reply': b'\x04' + b'{"quote":"00","event_log":"[]"}',
    'certificate': b'\x05' + b'\x30\0', 'pem': b'\x05' + b'-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n',
    'cmw-cbor': b'\x06' + cbor(['application/vnd.dstack.attestation', b'\0\0', 4]),
    'cmw-json': b'\x07' + b'{"e":["application/pkix-cert","MAA",4],"c":["application/vnd.dstack.collateral+json","e30",2]}',
    'any': b'\x08' + b'["application/vnd.dstack.tdx-quote","BAACAIEAAAA"]',
    'v1': b'\x09' + dumps({'quote': '040002008100000000', 'certificates': 'PEM', 'nonce': '00' * 8, 'collateral': {}}),
    'v1-any': b'\x09' + dumps({'evidence': '3000', 'report_data': '01'}),
    'v1-certificate': b'\x09' + dumps({'certificate': '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n'}),
    'compatible': b'\x0a' + dumps({'attestation': '0000', 'debug': True}),
}
SEEDS['verifier_head'] = {
    'nonce': b'nonce=MTIzNDU2Nzg%3D', 'size': b'x=y&nonceSize=64', 'both': b'nonce=MTIzNDU2Nzg&nonceSize=8',
    'url': b'nonce=-_-_-_-_-_-_', 'accept': b'text/html, application/eat+jwt;q=0.5, */*;q=0', 'range': b'application/*',
    'none': b'application/json;q=0.0', 'type': b'Application/CMW+cbor; x=y', 'any': b'application/octet-stream',
}


def bundle(sets):
    """As collateral/bundle.c writes it, signed with a key of no secret."""
    key = ec.derive_private_key(1, ec.SECP256R1())
    document = json.dumps({'issued_s': 1, 'sets': sorted(sets), 'until_s': 2, 'v': 1}, separators=(',', ':'))
    r, s = utils.decode_dss_signature(key.sign(b'dstack-collateral-bundle-v1\0' + document.encode(), ec.ECDSA(
        hashes.SHA256(), deterministic_signing=True)))
    spki = key.public_key().public_bytes(serialization.Encoding.DER,
                                         serialization.PublicFormat.SubjectPublicKeyInfo)
    return (f'{{"bundle":{document},"signature":"{r:064x}{s:064x}","spki":"{spki.hex()}"}}').encode()


def pcs_replies(collateral):
    """The replies that a set was made of: bodies and issuers, a line "#" between them."""
    s = json.loads(collateral)
    return b'\n#\n'.join([
        f'{{"tcbInfo":{s["tcb_info"]},"signature":"{s["tcb_info_signature"]}"}}'.encode(),
        urllib.parse.quote(s['tcb_info_issuer_chain']).encode(),
        f'{{"enclaveIdentity":{s["qe_identity"]},"signature":"{s["qe_identity_signature"]}"}}'.encode(),
        urllib.parse.quote(s['qe_identity_issuer_chain']).encode(),
        bytes.fromhex(s['pck_crl']), urllib.parse.quote(s['pck_crl_issuer_chain']).encode(),
        s['root_ca_crl'].encode(), b''])


def collateral_seeds(corpus):
    """Of the set that evidence.c made: what it is served as, and packed into."""
    with open(os.path.join(corpus, 'collateral', 'simulated.json'), 'rb') as file:
        collateral = file.read()
    for target, name, content in (('pcs_reply', 'simulated', pcs_replies(collateral)),
                                  ('bundle', 'two.json', bundle(['{"a":"\\n"}', '{}'])),
                                  ('bundle', 'simulated.json', bundle([collateral.decode()]))):
        os.makedirs(os.path.join(corpus, target), exist_ok=True)
        with open(os.path.join(corpus, target, name), 'wb') as file:
            file.write(content)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    corpus = sys.argv[2] if len(sys.argv) == 3 else os.path.join(HERE, 'corpus')
    for target, seeds in SEEDS.items():
        os.makedirs(os.path.join(corpus, target), exist_ok=True)
        for name, content in seeds.items():
            with open(os.path.join(corpus, target, name), 'wb') as file:
                file.write(content)
    subprocess.run([sys.argv[1], corpus], check=True)
    collateral_seeds(corpus)


if __name__ == '__main__':
    main()
