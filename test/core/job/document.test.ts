import { describe, expect, test } from 'vitest';
import { ValidationError } from '../../../core/errors.ts';
import { type JobDocument, parseJobDocument } from '../../../core/job/document.ts';
import { wireDocument } from '../support/samples.ts';

const accept = (value: unknown): JobDocument =>
  parseJobDocument(value, { defaultNamespace: 'default', pools: ['default', 'big'] });

/** The error of a document that must be refused. */
function refusal(value: unknown): ValidationError {
  try {
    accept(value);
  } catch (error) {
    if (error instanceof ValidationError) return error;
    throw error;
  }
  throw new Error('the document was accepted');
}

const inspect = (data: unknown) => ({
  operation: 'guestkit.inspect',
  payload: { type: 'guestkit.inspect.v1', data },
});
const image = (fields: object) => inspect({ image: { path: '/vms/a.qcow2', ...fields } });

/** Fields to put into a good document, and the path that the refusal must name. */
type Case = readonly [field: string, fields: Record<string, unknown>];

const required = ['version', 'job_id', 'kind', 'operation', 'created_at', 'payload'];
const missing: readonly Case[] = [
  ...required.map((field): Case => [field, { [field]: undefined }]),
  ['payload.type', { payload: { data: {} } }],
  ['payload.data', { payload: { type: 'test.echo.v1' } }],
  ['payload.data.image', inspect({})],
  ['payload.data.image.path', inspect({ image: {} })],
  ['payload.data.disks[0].path', inspect({ image: { path: '/a' }, disks: [{}] })],
  ['payload.data.keys[0].secret', inspect({ image: { path: '/a' }, keys: [{ volume: 'sda1' }] })],
];

const wrongType: readonly Case[] = [
  ['$schema', { $schema: 1 }],
  ['version', { version: 1 }],
  ['job_id', { job_id: 12345678 }],
  ['kind', { kind: null }],
  ['operation', { operation: ['system.echo'] }],
  ['created_at', { created_at: 1_706_608_800 }],
  ['payload', { payload: 'x' }],
  ['payload', { payload: [] }],
  ['payload.type', { payload: { type: 1, data: {} } }],
  ['payload.data', { payload: { type: 'test.echo.v1', data: [] } }],
  ['payload.data', { payload: { type: 'test.echo.v1', data: null } }],
  ['metadata', { metadata: 'x' }],
  ['metadata.labels', { metadata: { labels: ['a'] } }],
  ['metadata.labels.tier', { metadata: { labels: { tier: 1 } } }],
  ['metadata.annotations.note', { metadata: { annotations: { note: {} } } }],
  ['execution', { execution: 1 }],
  ['execution.priority', { execution: { priority: '5' } }],
  ['execution.cancellable', { execution: { cancellable: 'true' } }],
  ['execution.idempotent', { execution: { idempotent: 0 } }],
  ['execution.timeout_seconds', { execution: { timeout_seconds: 1.5 } }],
  ['constraints', { constraints: [] }],
  ['constraints.required_features', { constraints: { required_features: 'kvm' } }],
  ['constraints.require_privileged', { constraints: { require_privileged: 1 } }],
  ['routing', { routing: null }],
  ['routing.affinity.zone', { routing: { affinity: { zone: ['a'] } } }],
  ['routing.anti_affinity.zone', { routing: { anti_affinity: { zone: 'a' } } }],
  ['observability.trace_id', { observability: { trace_id: 7 } }],
  ['audit.authorization', { audit: { authorization: 'root' } }],
  ['payload.data.image', inspect({ image: '/vms/a.qcow2' })],
  ['payload.data.image.path', image({ path: 7 })],
  ['payload.data.image.size_bytes', image({ size_bytes: '7' })],
  ['payload.data.image.read_only', image({ read_only: 'no' })],
  ['payload.data.options', inspect({ image: { path: '/a' }, options: [] })],
  [
    'payload.data.options.include_users',
    inspect({ image: { path: '/a' }, options: { include_users: 'yes' } }),
  ],
  ['payload.data.disks', inspect({ image: { path: '/a' }, disks: {} })],
];

const unknownField: readonly Case[] = [
  ['bogus', { bogus: 1 }],
  ['payload.bogus', { payload: { type: 'test.echo.v1', data: {}, bogus: 1 } }],
  ['payload.data.bogus', { payload: { type: 'test.echo.v1', data: { bogus: 1 } } }],
  ['metadata.bogus', { metadata: { bogus: 1 } }],
  ['execution.bogus', { execution: { bogus: 1 } }],
  ['constraints.bogus', { constraints: { bogus: 1 } }],
  ['routing.bogus', { routing: { bogus: 1 } }],
  ['observability.bogus', { observability: { bogus: 1 } }],
  ['audit.bogus', { audit: { bogus: 1 } }],
  ['audit.authorization.bogus', { audit: { authorization: { bogus: 1 } } }],
  ['payload.data.image.bogus', image({ bogus: 1 })],
  ['payload.data.options.bogus', inspect({ image: { path: '/a' }, options: { bogus: true } })],
  [
    'payload.data.disks[1].bogus',
    inspect({ image: { path: '/a' }, disks: [{ path: '/b' }, { path: '/c', bogus: 1 }] }),
  ],
];

const ids: readonly (readonly [string, string])[] = [
  ['empty', ''],
  ['too short', 'a-job-7'],
  ['too long', 'a'.repeat(129)],
  ['10 kB', 'a'.repeat(10_000)],
  ['a path upwards', '../../etc/passwd'],
  ['a slash', 'jobs/12345678'],
  ['a backslash', 'jobs\\12345678'],
  ['a leading dot', '.hidden-job'],
  ['a NUL', 'job-1234\0'],
  ['a line end', 'job-12345\n'],
  ['a space', 'job 12345'],
  ['percent', 'job%2f12345'],
  ['not ASCII', 'jöb-12345'],
];

const badValue: readonly Case[] = [
  ['version', { version: '1.1' }],
  ['version', { version: '1' }],
  ['kind', { kind: 'vmoperation' }],
  ['operation', { operation: 'inspect' }],
  ['operation', { operation: '.inspect' }],
  ['operation', { operation: 'guestkit.' }],
  ['operation', { operation: 'guestkit.unheard' }],
  ['operation', { operation: '__proto__.constructor' }],
  ['operation', { operation: 'a.'.repeat(5000) }],
  ['payload.type', { payload: { type: 'guestkit.inspect.v1', data: {} } }],
  ['payload.type', { payload: { type: 'test.echo.v2', data: {} } }],
  ['payload.type', { payload: { type: 'test.echo', data: {} } }],
  ['execution.priority', { execution: { priority: 0 } }],
  ['execution.priority', { execution: { priority: 11 } }],
  ['execution.attempt', { execution: { attempt: 0 } }],
  ['execution.attempt', { execution: { attempt: 2 } }],
  ['execution.attempt', { execution: { attempt: 4, max_attempts: 3 } }],
  ['execution.max_attempts', { execution: { max_attempts: 0 } }],
  ['execution.timeout_seconds', { execution: { timeout_seconds: 0 } }],
  ['execution.timeout_seconds', { execution: { timeout_seconds: 1e15 } }],
  ['execution.idempotency_key', { execution: { idempotency_key: '' } }],
  ['execution.idempotency_key', { execution: { idempotency_key: 'k'.repeat(257) } }],
  ['constraints.required_capabilities[0]', { constraints: { required_capabilities: ['teleport'] } }],
  ['constraints.required_features[1]', { constraints: { required_features: ['kvm', 'toString'] } }],
  ['constraints.minimum_worker_version', { constraints: { minimum_worker_version: '1.2' } }],
  ['constraints.minimum_worker_version', { constraints: { minimum_worker_version: 'v1.2.3' } }],
  ['constraints.minimum_worker_version', { constraints: { minimum_worker_version: '1.2.3-' } }],
  ['constraints.minimum_worker_version', { constraints: { minimum_worker_version: '1.2.3-a..b' } }],
  ['constraints.maximum_disk_size_gb', { constraints: { maximum_disk_size_gb: 0 } }],
  ['constraints.allowed_worker_pools', { constraints: { allowed_worker_pools: ['big', 'nowhere'] } }],
  ['routing.worker_pool', { routing: { worker_pool: 'nowhere' } }],
  [
    'routing.worker_pool',
    { routing: { worker_pool: 'default' }, constraints: { allowed_worker_pools: ['big'] } },
  ],
  ['routing.worker_id', { routing: { worker_id: '../worker' } }],
  ['metadata.namespace', { metadata: { namespace: '' } }],
  ['metadata.namespace', { metadata: { namespace: 'Upper' } }],
  ['metadata.namespace', { metadata: { namespace: 'a/b' } }],
  ['metadata.namespace', { metadata: { namespace: 'n'.repeat(64) } }],
  ['metadata.labels', { metadata: { labels: map(33) } }],
  [`metadata.labels.${'k'.repeat(64)}`, { metadata: { labels: { ['k'.repeat(64)]: 'v' } } }],
  // 32 characters, 64 bytes.
  [`metadata.labels.${'é'.repeat(32)}`, { metadata: { labels: { ['é'.repeat(32)]: 'v' } } }],
  ['metadata.labels.k', { metadata: { labels: { k: 'v'.repeat(257) } } }],
  ['metadata.labels.k', { metadata: { labels: { k: 'é'.repeat(129) } } }],
  ['payload.data.image.path', image({ path: '' })],
  ['payload.data.image.path', image({ path: 'vms/a.qcow2' })],
  ['payload.data.image.path', image({ path: '../a.qcow2' })],
  ['payload.data.image.path', image({ path: 'file:///vms/a.qcow2' })],
  ['payload.data.image.path', image({ path: 'nbd://host/export' })],
  ['payload.data.image.path', image({ path: '/vms/a\0.qcow2' })],
  ['payload.data.image.path', image({ path: `/${'a'.repeat(4096)}` })],
  ['payload.data.image.format', image({ format: 'iso' })],
  ['payload.data.image.format', image({ format: 'QCOW2' })],
  ['payload.data.image.checksum', image({ checksum: `md5:${'a'.repeat(32)}` })],
  ['payload.data.image.checksum', image({ checksum: `sha512:${'a'.repeat(128)}` })],
  ['payload.data.image.checksum', image({ checksum: `sha256:${'a'.repeat(63)}` })],
  ['payload.data.image.checksum', image({ checksum: 'sha256:abc123...' })],
  ['payload.data.image.size_bytes', image({ size_bytes: -1 })],
  ['payload.data.image.size_bytes', image({ size_bytes: 2 ** 60 })],
];

const badTimes = [
  '',
  'yesterday',
  '2026-01-30',
  '2026-01-30T10:00:00',
  '2026-01-30T10:00Z',
  '2026-01-30 10:00:00Z',
  '2026-02-30T10:00:00Z',
  '2026-01-30T25:00:00Z',
  '2026-01-30T10:00:00+0100',
  '1769767200',
];

const unsupported: readonly Case[] = [
  ['payload.data.options.deep_scan', inspect({ image: { path: '/a' }, options: { deep_scan: true } })],
  [
    'payload.data.options.include_databases',
    inspect({ image: { path: '/a' }, options: { include_databases: true } }),
  ],
  ['payload.data.image.allow_backing', image({ allow_backing: true })],
  [
    'payload.data.disks[0].allow_backing',
    inspect({ image: { path: '/a' }, disks: [{ path: '/b', allow_backing: true }] }),
  ],
  ['payload.data.keys', inspect({ image: { path: '/a' }, keys: [{ secret: 'luks' }] })],
];

function map(entries: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: entries }, (_, n) => [`k${n}`, 'v']));
}

describe('a job document is refused', () => {
  test.each([null, 1, 'text', true, []])('when it is %j and no object', (value) => {
    expect(refusal(value)).toMatchObject({ code: 'VALIDATION_ERROR', field: '' });
  });

  test.each(missing)('without %s', (field, fields) => {
    expect(refusal(wireDocument(fields))).toMatchObject({ code: 'VALIDATION_ERROR', field });
  });

  test.each(wrongType)('with a %s of the wrong type (%#)', (field, fields) => {
    expect(refusal(wireDocument(fields))).toMatchObject({ code: 'VALIDATION_ERROR', field });
  });

  test.each(unknownField)('with the unknown field %s', (field, fields) => {
    const error = refusal(wireDocument(fields));
    expect(error).toMatchObject({ code: 'VALIDATION_ERROR', field, reason: 'unknown field' });
    expect(error.message).toContain(field);
  });

  test.each(ids)('when its job_id is or has %s', (_what, job_id) => {
    const error = refusal(wireDocument({ job_id }));
    expect(error).toMatchObject({ code: 'VALIDATION_ERROR', field: 'job_id' });
    expect(error.message.length).toBeLessThan(300);
  });

  test.each(badValue)('with a bad value of %s (%#)', (field, fields) => {
    const error = refusal(wireDocument(fields));
    expect(error).toMatchObject({ code: 'VALIDATION_ERROR', field });
    expect(error.message.startsWith(`Job validation failed: ${field}: `)).toBe(true);
  });

  test.each(badTimes)('with the time %j, as created_at and as deadline', (time) => {
    expect(refusal(wireDocument({ created_at: time }))).toMatchObject({ field: 'created_at' });
    expect(refusal(wireDocument({ execution: { deadline: time } }))).toMatchObject({
      field: 'execution.deadline',
    });
  });

  test.each(unsupported)('for what is not built: %s', (field, fields) => {
    expect(refusal(wireDocument(fields))).toMatchObject({ code: 'UNSUPPORTED_OPTION', field });
  });

  test('without repeating a hostile field name at full length', () => {
    expect(refusal(wireDocument({ ['x'.repeat(100_000)]: 1 })).message.length).toBeLessThan(1000);
  });
});

describe('an accepted job document', () => {
  test('has the documented defaults', () => {
    expect(accept(wireDocument())).toEqual({
      ...wireDocument(),
      payload: { type: 'test.echo.v1', data: { message: 'hello', delay_ms: 0 } },
      metadata: { namespace: 'default' },
      execution: {
        attempt: 1,
        max_attempts: 1,
        timeout_seconds: 3600,
        priority: 5,
        cancellable: true,
        idempotent: true,
      },
      constraints: {
        required_capabilities: [],
        required_features: [],
        require_privileged: false,
        allowed_worker_pools: [],
      },
      routing: {},
    });
  });

  test("has the operation's defaults in its payload", () => {
    const { payload } = accept(wireDocument(inspect({ image: { path: '/vms/a.qcow2' } })));
    expect(payload.data).toMatchObject({
      image: { path: '/vms/a.qcow2', read_only: true, allow_backing: false },
      disks: [],
      keys: [],
      options: { include_packages: true, include_storage: true, deep_scan: false, include_databases: false },
    });
  });

  test('keeps everything that was said', () => {
    const said = {
      $schema: 'https://example.com/job.json',
      metadata: {
        name: 'nightly',
        namespace: 'team-a.prod',
        labels: { tier: 'web', 'a:b': '', ['k'.repeat(63)]: 'v'.repeat(256) },
        annotations: { note: 'long '.repeat(100) },
      },
      execution: {
        idempotency_key: 'once',
        attempt: 2,
        max_attempts: 3,
        timeout_seconds: 60,
        deadline: '2030-01-01T00:00:00+02:00',
        priority: 10,
        cancellable: false,
        idempotent: false,
      },
      constraints: {
        required_capabilities: ['kvm'],
        required_features: ['virt_v2v'],
        minimum_worker_version: '1.2.3-rc.1+build.5',
        maximum_disk_size_gb: 100,
        require_privileged: true,
        allowed_worker_pools: ['big', 'default'],
      },
      routing: {
        worker_id: 'host-1',
        worker_pool: 'big',
        affinity: { zone: 'a' },
        anti_affinity: { zone: ['b', 'c'] },
      },
      observability: { trace_id: 't', span_id: 's', parent_span_id: 'p', correlation_id: 'c' },
      audit: {
        submitted_by: 'ann',
        submitted_from: '10.0.0.1',
        authorization: { method: 'jwt', subject: 'ann' },
      },
    };
    expect(accept(wireDocument(said))).toMatchObject(said);
  });

  test('takes the namespace of its key when it names none', () => {
    const parse = (fields: object) =>
      parseJobDocument(wireDocument({ ...fields }), { defaultNamespace: 'key-ns', pools: ['default'] });
    expect(parse({}).metadata.namespace).toBe('key-ns');
    expect(parse({ metadata: { namespace: 'own' } }).metadata.namespace).toBe('own');
  });

  test.each(['a-job-08', 'A.b_c:d-9', '-------8', 'a'.repeat(128)])('may have the job_id %s', (job_id) => {
    expect(accept(wireDocument({ job_id })).job_id).toBe(job_id);
  });

  test.each([
    '/vms/a.qcow2',
    '/vms/with space/ü.img',
    's3://bucket/key.qcow2',
    'https://host/a.raw',
    'object://k',
  ])('may name the image %s', (path) => {
    expect(accept(wireDocument(image({ path }))).payload.data).toMatchObject({ image: { path } });
  });

  test.each([`sha256:${'0aF'.repeat(21)}0`, 'b'.repeat(64)])('may have the checksum %s', (checksum) => {
    expect(accept(wireDocument(image({ checksum }))).payload.data).toMatchObject({ image: { checksum } });
  });

  test.each([{ include_security: false }, { deep_scan: false }, { include_databases: false }])(
    'may turn off by name what is not built: %j',
    (options) => {
      expect(() => accept(wireDocument(inspect({ image: { path: '/a' }, options })))).not.toThrow();
    },
  );
});

/** The documents of the first seed's clients, with the times each of them writes. */
describe("the seed's clients are understood:", () => {
  const client = (job_id: string, created_at: string) => ({
    version: '1.0',
    job_id,
    kind: 'VMOperation',
    operation: 'guestkit.inspect',
    created_at,
    payload: {
      type: 'guestkit.inspect.v1',
      data: { image: { path: '/vms/test.qcow2', format: 'qcow2' } },
    },
  });

  test.each([
    ['bash, date -u', 'inspect-1769767200', '2026-01-30T10:00:00Z'],
    ['Python, utcnow().isoformat() + "Z"', 'job-1769767200', '2026-01-30T10:00:00.123456Z'],
    ['Python on a whole second', 'job-1769767200', '2026-01-30T10:00:00Z'],
    ['TypeScript, toISOString()', 'job-1769767200123', '2026-01-30T10:00:00.123Z'],
    ['an offset', 'job-1769767200', '2026-01-30T12:00:00+02:00'],
  ])('%s', (_client, job_id, created_at) => {
    expect(accept(client(job_id, created_at))).toMatchObject({ job_id, created_at });
  });

  test('the integration test, whose job_id has the shortest length', () => {
    const document = {
      version: '1.0',
      job_id: 'test-001',
      kind: 'VMOperation',
      operation: 'system.echo',
      created_at: '2026-01-30T10:00:00Z',
      payload: { type: 'system.echo.v1', data: { message: 'test' } },
    };
    expect(accept(document).payload.data).toEqual({ message: 'test' });
  });
});
