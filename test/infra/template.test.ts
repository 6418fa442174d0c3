import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorStatus } from '../../functions/errors.ts';
import { routes } from '../../functions/routes.ts';
import { type CodeKeys, functionNames } from '../../infra/functions.ts';
import { stackSettings } from '../../infra/settings.ts';
import { synthesize } from '../../infra/synth.ts';
import { resources } from '../../platform/aws/resources.ts';

const keys = Object.fromEntries(functionNames.map((name) => [name, `functions/${name}-0.zip`])) as CodeKeys;

type Properties = Readonly<Record<string, unknown>>;
type Found = Readonly<Record<string, { readonly Properties: Properties; readonly [field: string]: unknown }>>;

let folder: string;

function templateOf(environment: Readonly<Record<string, string>>): Template {
  const { template } = synthesize(stackSettings(environment), keys, mkdtempSync(join(folder, 'out-')));
  return Template.fromJSON(template);
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'disklane-test-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('as it is when nothing is set', () => {
  let template: Template;
  const found = (type: string): Found => template.findResources(type) as Found;
  const all = (type: string): Properties[] => Object.values(found(type)).map(({ Properties }) => Properties);

  beforeAll(() => {
    // cdk-nag runs here: a finding that is not explained throws.
    template = templateOf({});
  });

  test('the table is the one of resources.ts', () => {
    const { table } = resources('disklane', ['default']);
    const keysOf = (hash: string, range: string) => [
      { AttributeName: hash, KeyType: 'HASH' },
      { AttributeName: range, KeyType: 'RANGE' },
    ];
    const [jobs] = all('AWS::DynamoDB::Table');
    expect(jobs).toMatchObject({
      TableName: table.name,
      KeySchema: keysOf(table.partitionKey.name, table.sortKey.name),
      TimeToLiveSpecification: { AttributeName: table.ttlAttribute, Enabled: true },
      BillingMode: 'PAY_PER_REQUEST',
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      DeletionProtectionEnabled: true,
      GlobalSecondaryIndexes: table.indexes.map(({ name, partitionKey, sortKey, projected }) => ({
        IndexName: name,
        KeySchema: keysOf(partitionKey.name, sortKey.name),
        Projection:
          projected.length === 0
            ? { ProjectionType: 'KEYS_ONLY' }
            : { ProjectionType: 'INCLUDE', NonKeyAttributes: projected },
      })),
    });
    // By DynamoDB's own key.
    expect(jobs).toHaveProperty('SSESpecification', { SSEEnabled: false });
  });

  test('each lane has its queue and its dead-letter queue, reached by TLS only', () => {
    const { queues } = resources('disklane', ['default']);
    template.resourceCountIs('AWS::SQS::Queue', queues.length * 2);
    for (const { name, deadLetter, maxReceiveCount, retentionSeconds } of queues) {
      const common = { MessageRetentionPeriod: retentionSeconds, SqsManagedSseEnabled: true };
      template.hasResourceProperties('AWS::SQS::Queue', { ...common, QueueName: deadLetter.name });
      template.hasResourceProperties('AWS::SQS::Queue', {
        ...common,
        QueueName: name,
        ReceiveMessageWaitTimeSeconds: 20,
        RedrivePolicy: { maxReceiveCount, deadLetterTargetArn: Match.anyValue() },
      });
    }
    expect(all('AWS::SQS::QueuePolicy')).toHaveLength(queues.length * 2);
  });

  test('the bucket is private and encrypted, and forgets results and abandoned uploads', () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      // Bucket names are global.
      BucketName: {
        'Fn::Join': ['-', ['disklane-objects', { Ref: 'AWS::AccountId' }, { Ref: 'AWS::Region' }]],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      LifecycleConfiguration: {
        Rules: Match.arrayWith([
          Match.objectLike({ Id: 'results', Prefix: 'results/', ExpirationInDays: 31 }),
          Match.objectLike({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 } }),
        ]),
      },
      CorsConfiguration: { CorsRules: [Match.objectLike({ AllowedMethods: ['GET', 'HEAD', 'PUT'] })] },
    });
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        ]),
      },
    });
  });

  test('a stack that goes leaves the data and the logs', () => {
    for (const type of [
      'AWS::DynamoDB::Table',
      'AWS::SQS::Queue',
      'AWS::S3::Bucket',
      'AWS::Logs::LogGroup',
    ]) {
      for (const resource of Object.values(found(type))) {
        expect(resource).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
      }
    }
  });

  test('every function is of arm64 and Node 24, with code and a role of its own', () => {
    const functions = all('AWS::Lambda::Function');
    const codes = functions.map(({ Code }) => (Code as { S3Key: string }).S3Key);
    expect(codes.sort()).toEqual(Object.values(keys).sort());
    expect(new Set(functions.map(({ Role }) => JSON.stringify(Role))).size).toBe(functionNames.length);
    for (const one of functions) {
      expect(one).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Handler: 'index.handler',
        TracingConfig: { Mode: 'Active' },
        Code: { S3Bucket: { Ref: 'CodeBucket' } },
      });
    }
  });

  test('one method per route to its own function, and the rest to the fallback, all signed by IAM', () => {
    const paths = found('AWS::ApiGateway::Resource');
    const methods = all('AWS::ApiGateway::Method').map(
      ({ ResourceId, HttpMethod, Integration, AuthorizationType }) => {
        const [, to = ''] = /([A-Z][a-z]+)Function/.exec(JSON.stringify(Integration)) ?? [];
        return `${HttpMethod} ${pathOf(paths, ResourceId)} ${to.toLowerCase()} ${AuthorizationType}`;
      },
    );
    const served = Object.entries(routes).flatMap(([name, { method, path }]) =>
      (method === 'get' ? ['GET', 'HEAD'] : ['POST']).map((verb) => `${verb} ${path} ${name} AWS_IAM`),
    );
    const known = new Set(Object.values(routes).map(({ path }) => path));
    const rest = ['/', '/api', '/api/v1', ...known, '/{proxy+}'].map(
      (path) => `ANY ${path} fallback AWS_IAM`,
    );
    expect(methods.sort()).toEqual([...served, ...rest].sort());
  });

  test('the API is regional; its stage is throttled, logged and traced, without bodies', () => {
    template.hasResourceProperties('AWS::ApiGateway::RestApi', {
      EndpointConfiguration: { Types: ['REGIONAL'] },
    });
    template.hasResourceProperties('AWS::ApiGateway::Stage', {
      StageName: 'live',
      TracingEnabled: true,
      AccessLogSetting: { DestinationArn: Match.anyValue(), Format: Match.stringLikeRegexp('request_id') },
      MethodSettings: [
        Match.objectLike({
          ThrottlingRateLimit: 200,
          ThrottlingBurstLimit: 400,
          DataTraceEnabled: false,
          HttpMethod: '*',
          ResourcePath: '/*',
        }),
      ],
    });
  });

  test('what the gateway itself refuses has the envelope and a known code', () => {
    const responses = all('AWS::ApiGateway::GatewayResponse');
    expect(responses.map(({ ResponseType }) => ResponseType)).toEqual(
      expect.arrayContaining(['DEFAULT_4XX', 'DEFAULT_5XX', 'THROTTLED', 'MISSING_AUTHENTICATION_TOKEN']),
    );
    const statuses = new Map(Object.entries(errorStatus));
    for (const { ResponseTemplates, ResponseParameters, ResponseType, StatusCode } of responses) {
      const [text = ''] = Object.values(ResponseTemplates as Record<string, string>);
      const reply = JSON.parse(text.replace('$context.error.messageString', '"said"'));
      expect(reply).toEqual({ error: expect.any(String), message: 'said' });
      expect(statuses.has(reply.error)).toBe(true);
      // The general ones keep the status of what happened.
      const general = String(ResponseType).startsWith('DEFAULT_');
      expect(StatusCode).toBe(general ? undefined : String(statuses.get(reply.error)));
      expect(ResponseParameters).toHaveProperty(['gatewayresponse.header.X-Request-Id']);
    }
  });

  test('the sweeper runs every minute', () => {
    const sweeper = { 'Fn::GetAtt': [Match.stringLikeRegexp('^SweepFunction'), 'Arn'] };
    template.hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression: 'rate(1 minute)',
      State: 'ENABLED',
      Targets: [Match.objectLike({ Arn: sweeper })],
    });
  });

  test('rights: on everything only traces, no action by a wildcard, no scan, and each its own', () => {
    const policies = { ...found('AWS::IAM::Policy'), ...found('AWS::IAM::ManagedPolicy') };
    const rights = Object.entries(policies).map(([id, { Properties }]) => ({
      id,
      statements: statementsOf(Properties),
    }));
    for (const { Effect, Action, Resource } of rights.flatMap(({ statements }) => statements)) {
      expect(Effect).toBe('Allow');
      if (Resource === '*') expect(Action).toEqual(['xray:PutTraceSegments', 'xray:PutTelemetryRecords']);
      expect(Action.join()).not.toMatch(/\*|Scan|TransactWrite/);
    }
    const actionsOf = (name: string) =>
      rights
        .filter(({ id }) => id.startsWith(name))
        .flatMap(({ statements }) => statements.flatMap(({ Action }) => Action))
        .filter((action) => !/^(logs|xray):/.test(action))
        .sort();
    expect(actionsOf('Fallback')).toEqual([]);
    expect(actionsOf('Status')).toEqual(['dynamodb:GetItem', 's3:GetObject', 's3:ListBucket']);
    expect(actionsOf('Result')).toEqual(['dynamodb:GetItem', 's3:GetObject', 's3:ListBucket']);
    expect(actionsOf('Capabilities')).toEqual(['dynamodb:Query']);
    expect(actionsOf('List')).toEqual(['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:UpdateItem']);
    expect(actionsOf('Submit')).toContain('sqs:SendMessage');
    expect(actionsOf('Submit')).not.toContain('sqs:ReceiveMessage');
    expect(actionsOf('WorkerPolicy')).toContain('sqs:ReceiveMessage');
    template.resourceCountIs('AWS::IAM::InstanceProfile', 1);
  });

  test('alarms: dead letters and oldest message of each lane, 5xx, throttles, sweeps; and a dashboard', () => {
    const metrics = all('AWS::CloudWatch::Alarm').map(({ MetricName }) => MetricName);
    const count = (name: string) => metrics.filter((metric) => metric === name).length;
    expect(count('ApproximateNumberOfMessagesVisible')).toBe(3);
    expect(count('ApproximateAgeOfOldestMessage')).toBe(3);
    expect(count('5XXError')).toBe(1);
    expect(count('Throttles')).toBe(functionNames.length);
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'Invocations',
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'breaching',
    });
    template.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
  });

  test('outputs say what a worker and a caller must know', () => {
    expect(Object.keys(template.findOutputs('*'))).toEqual(
      expect.arrayContaining([
        'ApiUrl',
        'TableName',
        'BucketName',
        'WorkerPolicyArn',
        'WorkerInstanceProfile',
      ]),
    );
  });
});

test('every option: address ranges, a customer key, a VPC, pools, a topic', () => {
  const topic = 'arn:aws:sns:eu-central-1:123456789012:alarms';
  const template = templateOf({
    DISKLANE_STACK: 'other',
    DISKLANE_AWS_PREFIX: 'other',
    DISKLANE_POOLS: 'big',
    DISKLANE_API_AUTH: 'sources',
    DISKLANE_API_SOURCES: '192.0.2.0/24,2001:db8::/32',
    DISKLANE_CUSTOMER_KEY: 'true',
    DISKLANE_VPC: 'vpc-0123456789abcdef0',
    DISKLANE_ROUTE_TABLES: 'rtb-0123456789abcdef0',
    DISKLANE_ALARM_TOPIC: topic,
  });
  const sources = { IpAddress: { 'aws:SourceIp': ['192.0.2.0/24', '2001:db8::/32'] } };
  template.hasResourceProperties('AWS::ApiGateway::RestApi', {
    Policy: { Statement: [Match.objectLike({ Effect: 'Allow', Condition: sources })] },
  });
  template.resourceCountIs('AWS::SQS::Queue', 12);
  template.allResourcesProperties('AWS::SQS::Queue', { KmsMasterKeyId: Match.anyValue() });
  template.hasResource('AWS::KMS::Key', {
    DeletionPolicy: 'Retain',
    Properties: Match.objectLike({ EnableKeyRotation: true }),
  });
  const byKey = Match.objectLike({ SSEAlgorithm: 'aws:kms' });
  template.hasResourceProperties('AWS::S3::Bucket', {
    BucketEncryption: {
      ServerSideEncryptionConfiguration: [{ BucketKeyEnabled: true, ServerSideEncryptionByDefault: byKey }],
    },
  });
  template.hasResourceProperties('AWS::DynamoDB::Table', { SSESpecification: { SSEType: 'KMS' } });
  for (const service of ['s3', 'dynamodb']) {
    template.hasResourceProperties('AWS::EC2::VPCEndpoint', {
      VpcEndpointType: 'Gateway',
      ServiceName: { 'Fn::Join': ['', ['com.amazonaws.', { Ref: 'AWS::Region' }, `.${service}`]] },
    });
  }
  template.allResourcesProperties('AWS::CloudWatch::Alarm', { AlarmActions: [topic] });
  template.hasResourceProperties('AWS::IAM::ManagedPolicy', {
    PolicyDocument: {
      Statement: Match.arrayWith([
        Match.objectLike({ Action: Match.arrayWith(['kms:Decrypt', 'kms:GenerateDataKey']) }),
      ]),
    },
  });
});

test.each([
  [{ DISKLANE_API_AUTH: 'none' }, /open to everybody/],
  [{ DISKLANE_API_AUTH: 'sources' }, /DISKLANE_API_SOURCES/],
  [{ DISKLANE_API_AUTH: 'sources', DISKLANE_API_SOURCES: '0.0.0.0/0' }, /opens the API to everybody/],
  [{ DISKLANE_API_AUTH: 'sources', DISKLANE_API_SOURCES: '0.0.0.0/1,128.0.0.0/1' }, /opens the API/],
  [{ DISKLANE_API_AUTH: 'sources', DISKLANE_API_SOURCES: '10.0.0.0/8,::/0' }, /opens the API/],
  [{ DISKLANE_API_AUTH: 'sources', DISKLANE_API_SOURCES: 'everywhere' }, /address ranges/],
  [{ DISKLANE_VPC: 'vpc-0123456789abcdef0' }, /DISKLANE_ROUTE_TABLES/],
  [{ DISKLANE_AWS_PREFIX: 'No' }, /DISKLANE_AWS_PREFIX/],
])('%o is refused by name', (environment, why) => {
  expect(() => stackSettings({ ...environment })).toThrow(why);
});

function pathOf(found: Found, id: unknown): string {
  if (typeof id !== 'object' || id === null || !('Ref' in id)) return '/';
  const properties = found[String(id.Ref)]?.Properties;
  const parent = pathOf(found, properties?.ParentId);
  return `${parent === '/' ? '' : parent}/${properties?.PathPart}`;
}

type Statement = { readonly Effect: string; readonly Action: string | string[]; readonly Resource: unknown };

function statementsOf({ PolicyDocument }: Properties): (Statement & { Action: string[] })[] {
  const { Statement: statements } = PolicyDocument as { Statement: Statement[] };
  return statements.map((one) => ({ ...one, Action: [one.Action].flat() }));
}
