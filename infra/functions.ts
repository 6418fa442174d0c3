import { Annotations, Duration, RemovalPolicy, type Stack } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function as LambdaCode, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import { type RouteName, routes } from '../functions/routes.ts';
import { rightsOf } from './rights.ts';
import type { StackSettings } from './settings.ts';
import type { Storage } from './storage.ts';

/** Every function: one per endpoint, the answer to everything else, and the sweeper. */
export type FunctionName = RouteName | 'fallback' | 'sweep';

export const functionNames: readonly FunctionName[] = [
  ...(Object.keys(routes) as RouteName[]),
  'fallback',
  'sweep',
];

export type Functions = Readonly<Record<FunctionName, LambdaCode>>;

/** The object of a function's code in the bucket of code. */
export type CodeKeys = Readonly<Record<FunctionName, string>>;

/** More memory is more CPU: at this size a cold start is bound by neither. */
const MEMORY_MB = 1024;

/** A REST API waits 29 s for its function; the sweeper may take nearly until its next turn. */
const API_TIMEOUT = Duration.seconds(29);
const SWEEP_TIMEOUT = Duration.seconds(55);

/** The functions, each with a role that may do what it does and no more. */
export function addFunctions(
  stack: Stack,
  {
    settings,
    storage,
    codeBucket,
    keys,
  }: { settings: StackSettings; storage: Storage; codeBucket: string; keys: CodeKeys },
): Functions {
  const code = Bucket.fromBucketName(stack, 'Code', codeBucket);
  // The keys are named by content: an object under one of them never changes.
  Annotations.of(code).acknowledgeWarning('@aws-cdk/aws-lambda:codeFromBucketObjectVersionNotSpecified');
  const add = (name: FunctionName) => addFunction(stack, name, { settings, storage, code, key: keys[name] });
  const functions = Object.fromEntries(functionNames.map((name) => [name, add(name)])) as Functions;
  new Rule(stack, 'SweepEveryMinute', {
    description: 'Looks after every Disklane job that is due',
    schedule: Schedule.rate(Duration.minutes(1)),
    // The next minute's sweep does what this one could not.
    targets: [new LambdaFunction(functions.sweep, { retryAttempts: 0, maxEventAge: Duration.minutes(1) })],
  });
  return functions;
}

function addFunction(
  stack: Stack,
  name: FunctionName,
  { settings, storage, code, key }: { settings: StackSettings; storage: Storage; code: IBucket; key: string },
): LambdaCode {
  const id = `${name.charAt(0).toUpperCase()}${name.slice(1)}Function`;
  const logGroup = new LogGroup(stack, `${id}Logs`, {
    retention: RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  // Not the managed policy for functions, which may write to every log.
  const role = new Role(stack, `${id}Role`, {
    description: `Disklane: ${name}`,
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
  });
  const writeLogs = new PolicyStatement({
    actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    resources: [logGroup.logGroupArn],
  });
  for (const statement of [writeLogs, ...rightsOf(name, storage)]) role.addToPolicy(statement);
  return new LambdaCode(stack, id, {
    role,
    description: `Disklane: ${name}`,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    handler: 'index.handler',
    code: Code.fromBucketV2(code, key),
    memorySize: MEMORY_MB,
    timeout: name === 'sweep' ? SWEEP_TIMEOUT : API_TIMEOUT,
    tracing: Tracing.ACTIVE,
    logGroup,
    environment:
      name === 'fallback'
        ? {}
        : {
            DISKLANE_AWS_PREFIX: settings.prefix,
            DISKLANE_AWS_BUCKET: storage.bucket.bucketName,
            DISKLANE_POOLS: settings.pools.join(','),
          },
  });
}
