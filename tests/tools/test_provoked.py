# SPDX-License-Identifier: Apache-2.0
"""The part `provoked` tells what no test raises; the checker of OpenAPI documents finds what is broken."""
import copy
import os
import sys

import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))
sys.path[:0] = [os.path.join(TOP, 'tools', 'dev'), os.path.join(TOP, 'tools')]
import docs_openapi  # noqa: E402
import test as suite  # noqa: E402

TABLE = '''#define DS_CODES_VMM(X) \\
    X(VMM_ONE, "vmm.one", "first thing failed", "it happens", "do something") \\
    X(VMM_TWO, "vmm.two", "second thing failed", "it happens", "do something") \\

'''

PROVOKED = [
    ('all are raised', {'vmm.one', 'vmm.two'}, '', []),
    ('one is not', {'vmm.one'}, '', ['vmm.two: no test provokes it']),
    ('one is excused', {'vmm.one'}, 'vmm.two  needs TDX\n', []),
    ('an excuse that this host does not need', {'vmm.one', 'vmm.two'}, 'vmm.two  needs TDX\n', []),
    ('an excuse for nothing', {'vmm.one', 'vmm.two'}, 'vmm.three  gone\n', ['vmm.three: stands in']),
]


@pytest.mark.parametrize('seen,excused,says', [row[1:] for row in PROVOKED], ids=[row[0] for row in PROVOKED])
def test_provoked(tmp_path, monkeypatch, seen, excused, says):
    (tmp_path / 'codes.h').write_text(TABLE)
    (tmp_path / 'excused').write_text('# why\n' + excused)
    monkeypatch.setattr(suite.check_codes, 'TABLE', str(tmp_path / 'codes.h'))
    monkeypatch.setattr(suite, 'UNPROVOKED', str(tmp_path / 'excused'))
    faults = list(suite.provoked_faults(seen))
    assert len(faults) == len(says) and all(map(str.startswith, faults, says)), faults


def test_a_partial_run_is_not_judged(tmp_path, monkeypatch, capsys):
    (tmp_path / 'codes').write_text('vmm.one\n')
    monkeypatch.setenv('DSTACK_CODES_FILE', str(tmp_path / 'codes'))
    monkeypatch.setattr(suite, 'RAN_WHOLE', {'unit'})
    monkeypatch.chdir(TOP)
    assert suite.run_provoked([]).skipped == 1
    assert 'lacks: system' in capsys.readouterr().out


SERVICE = {'service': 'vmm', 'mount': '/prpc/', 'methods': [
    {'name': 'Do', 'who': 'anyone', 'doc': 'Do it.', 'reply': [], 'request': [
        {'name': 'what', 'kind': 'text', 'required': True, 'max': 5, 'help': 'a thing'},
        {'name': 'all', 'kind': 'list of objects', 'required': False, 'help': 'more', 'fields': [
            {'name': 'n', 'kind': 'u64', 'required': True, 'max': 9}]}]}]}


def schema(doc):
    return doc['paths']['/prpc/Do']['post']['requestBody']['content']['application/json']['schema']


BREAKS = [
    ('no version', lambda doc: doc.pop('openapi')),
    ('no title', lambda doc: doc['info'].pop('title')),
    ('no paths', lambda doc: doc.update(paths={})),
    ('a path without slash', lambda doc: doc['paths'].update(Do=doc['paths'].pop('/prpc/Do'))),
    ('no 200', lambda doc: doc['paths']['/prpc/Do']['post']['responses'].pop('200')),
    ('a response without description', lambda doc: doc['paths']['/prpc/Do']['post']['responses']['400'].pop('description')),
    ('an operation twice', lambda doc: doc['paths'].update({'/x': doc['paths']['/prpc/Do']})),
    ('a reference to nothing', lambda doc: doc['components']['schemas'].pop('Reason')),
    ('a type that is none', lambda doc: schema(doc)['properties']['what'].update(type='text')),
    ('an array without items', lambda doc: schema(doc)['properties']['all'].pop('items')),
    ('a required field that is none', lambda doc: schema(doc)['required'].append('other')),
]


def test_a_good_document_passes():
    assert docs_openapi.faults(docs_openapi.document(SERVICE, '1')) == []


@pytest.mark.parametrize('change', [row[1] for row in BREAKS], ids=[row[0] for row in BREAKS])
def test_a_broken_document_is_found(change):
    doc = copy.deepcopy(docs_openapi.document(SERVICE, '1'))
    change(doc)
    assert docs_openapi.faults(doc)


CHOSEN = [
    ('everything', '', 'unit', []),
    ('a part', 'unit', 'unit', []),
    ('a group', 'build', 'san', []),
    ('one name', 'unit:base/hex', 'unit', ['base/hex']),
    ('two names', 'unit:base/hex,unit:cli/oci', 'unit', ['base/hex', 'cli/oci']),
    ('two names around another part', 'unit:base/hex,gcc,unit:cli/oci', 'unit', ['base/hex', 'cli/oci']),
    ('a name, and the whole part', 'unit:base/hex,unit', 'unit', []),
]


@pytest.mark.parametrize('only,part,names', [row[1:] for row in CHOSEN], ids=[row[0] for row in CHOSEN])
def test_every_name_that_was_asked_for_runs(only, part, names):
    assert {name: filters for name, _, filters in suite.chosen(only)}[part] == names
