# SPDX-License-Identifier: Apache-2.0
"""A method table as an OpenAPI 3.0 document, and whether such a document is well-formed."""
import re

# What each service is, and where it answers. A new service needs a row.
SERVICES = {
    'vmm': ('VMs of one host', 'HTTP on the unix socket `<state>/vmm/vmm.sock`.'),
    'vmm_guest': ('what a guest may tell its host', 'The channel `org.dstack.host`, asked by the guest.'),
    'kms': ('keys for evidence', 'HTTPS on the unix socket `<state>/kms/kms.sock`, which a relay carries into '
            'guests. The caller\'s evidence stands in its client certificate.'),
    'kms_admin': ('the allow-list of the KMS', 'HTTP on the unix socket `<state>/kms/admin.sock`.'),
    'guest': ('keys, quotes and certificates for an app',
              'HTTP on the unix socket `/var/run/dstack.sock` inside the guest.'),
    'guest_host': ('what a host may ask of a guest', 'The channel `org.dstack.host`, asked by the host.'),
    'verifier': ('what evidence proves', 'HTTP, by default on `127.0.0.1:8080`. A refused request has an error body; '
                 'of the sessions it is a problem document (RFC 9457).'),
    'simtee': ('the simulated platform of one VM', 'The channel `org.dstack.tee`, asked by the guest.'),
}

WHO = {
    'anyone': 'Anyone who reaches the socket may call it.',
    'same user': 'Only the daemon\'s own user, or root, may call it.',
    'admin': 'Only administrators may call it.',
    'attested': 'The caller needs a client certificate that the service accepts.',
    'channel': 'Only over the channel.',
}

U64_MAX = 2 ** 64 - 1


def text_schema(field):
    return {'type': 'string', **({'maxLength': field['max']} if field.get('max') else {})}


def hex_schema(field):
    limit = {'x-max-bytes': field['max']} if field.get('max') else {}
    return {'type': 'string', 'pattern': '^(0x)*([0-9a-fA-F]{2})*$', **limit}


def u64_schema(field):
    return {'type': 'integer', 'minimum': 0, 'maximum': field.get('max') or U64_MAX}


def list_of(item):
    def schema(field):
        element = dict(field, max=0)
        limit = {'maxItems': field['max']} if field.get('max') else {}
        return {'type': 'array', 'items': item(element), **limit}
    return schema


def object_schema(field):
    return object_of(field['fields']) if field.get('fields') else {'type': 'object'}


SCHEMAS = {
    'text': text_schema, 'hex': hex_schema, 'u64': u64_schema, 'bool': lambda field: {'type': 'boolean'},
    'list of text': list_of(text_schema), 'list of hex': list_of(hex_schema), 'object': object_schema,
    'list of objects': list_of(object_schema), 'any': lambda field: {},
}


def object_of(fields):
    schema = {'type': 'object'}
    if fields:
        schema['properties'] = {f['name']: {**SCHEMAS[f['kind']](f), 'description': f.get('help', '')}
                                for f in fields}
    required = [f['name'] for f in fields if f['required']]
    return {**schema, **({'required': required} if required else {})}


def body(schema, media=None):
    return {media or 'application/json': {'schema': schema}}


def operation(method):
    failed = {'description': 'It failed, or was refused; the body says why.',
              'content': body({'$ref': '#/components/schemas/Error'})}
    made = {
        'operationId': method['name'],
        'summary': method['doc'],
        'description': WHO[method['who']],
        'responses': {'200': {'description': 'Done.', 'content': body(object_of(method['reply']))},
                      '400': failed, '403': failed, '413': failed, '429': failed, '503': failed},
    }
    if method.get('verb'):
        return page(method, made, failed)
    if method['request']:
        made['requestBody'] = {'required': any(f['required'] for f in method['request']),
                               'content': body(object_of(method['request']))}
    return made


def page(method, made, failed):
    """A page with an HTTP method and a path of its own: fields of a GET or of a query are parameters."""
    made['responses'].update({'404': failed, '405': failed})
    if method.get('media'):
        made['requestBody'] = {'required': True, 'content': body({'type': 'string', 'format': 'binary'}, method['media'])}
    elif method['verb'] == 'POST' and '?' not in method['path']:
        made['requestBody'] = {'required': any(f['required'] for f in method['request']),
                               'content': body(object_of(method['request']))}
    names = re.findall(r'{(\w+)}', method['path'])
    parts = [{'name': name, 'in': 'path', 'required': True, 'schema': {'type': 'string'}} for name in names]
    query = [{'name': f['name'], 'in': 'query', 'required': f['required'], 'description': f.get('help', ''),
              'schema': SCHEMAS[f['kind']](f)} for f in method['request'] if '?' in method['path']]
    return {**made, **({'parameters': parts + query} if parts + query else {})}


def paths_of(service):
    paths = {}
    for m in service['methods']:
        path = service['mount'] + (m['path'].split('?')[0] if m.get('verb') else m['name'])
        paths.setdefault(path, {})[m.get('verb', 'POST').lower()] = operation(m)
    return paths


TEXT = {'type': 'string'}
REASON = {'type': 'object', 'required': ['code'],
          'properties': {name: TEXT for name in ('code', 'claim', 'expected', 'got', 'anchor', 'fix')}}
ERROR = {'type': 'object', 'required': ['error', 'code', 'reasons'],
         'properties': {'error': TEXT, 'class': TEXT, 'code': {**TEXT, 'description': 'docs/errors.md'},
                        'reasons': {'type': 'array', 'items': {'$ref': '#/components/schemas/Reason'}}}}


def document(service, version):
    title, where = SERVICES[service['service']]
    return {
        'openapi': '3.0.3',
        'info': {'title': f'{service["service"]}: {title}', 'version': version,
                 'description': where + ' Made by tools/docs.py from the method table.'},
        'paths': paths_of(service),
        'components': {'schemas': {'Error': ERROR, 'Reason': REASON}},
    }


def schema_faults(schema, where, doc):
    if not isinstance(schema, dict):
        yield f'{where}: is no object'
        return
    ref = schema.get('$ref')
    if ref is not None:
        at = doc
        for part in ref.removeprefix('#/').split('/'):
            at = at.get(part, {}) if isinstance(at, dict) else {}
        if not ref.startswith('#/') or not at:
            yield f'{where}: {ref} leads nowhere'
        return
    if schema.get('type') not in (None, 'string', 'integer', 'boolean', 'array', 'object'):
        yield f'{where}: type {schema["type"]} is none of JSON\'s'
    if schema.get('type') == 'array' and 'items' not in schema:
        yield f'{where}: an array without items'
    if 'pattern' in schema:
        re.compile(schema['pattern'])
    for name in schema.get('required', []):
        if name not in schema.get('properties', {}):
            yield f'{where}: requires {name}, which is no property'
    for name, inner in schema.get('properties', {}).items():
        yield from schema_faults(inner, f'{where}.{name}', doc)
    if 'items' in schema:
        yield from schema_faults(schema['items'], f'{where}[]', doc)


def operation_faults(path, made, doc):
    if not made.get('operationId') or not made.get('summary'):
        yield f'{path}: lacks operationId or summary'
    answers = made.get('responses', {})
    if '200' not in answers or not all(re.fullmatch('[1-5][0-9][0-9]', status) for status in answers):
        yield f'{path}: its responses are not statuses, or 200 is missing'
    parts = [*answers.values(), *([made['requestBody']] if 'requestBody' in made else [])]
    for answer in answers.values():
        if not answer.get('description'):
            yield f'{path}: a response without description'
    for part in parts:
        for media in part.get('content', {}).values():
            yield from schema_faults(media.get('schema'), path, doc)


def faults(doc):
    """What breaks the structure that OpenAPI 3.0.3 asks for, as far as these documents use it."""
    found = []
    if doc.get('openapi') != '3.0.3' or not all(doc.get('info', {}).get(k) for k in ('title', 'version')):
        found.append('lacks version or info')
    seen = set()
    for path, item in doc.get('paths', {}).items():
        if not path.startswith('/'):
            found.append(f'path {path} does not start with /')
        for made in item.values():
            found += operation_faults(path, made, doc)
            if made.get('operationId') in seen:
                found.append(f'operationId {made["operationId"]} stands twice')
            seen.add(made.get('operationId'))
    for name, schema in doc.get('components', {}).get('schemas', {}).items():
        found += schema_faults(schema, name, doc)
    return found if seen else [*found, 'has no paths']
