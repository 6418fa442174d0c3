import { RemovalPolicy, type Stack } from 'aws-cdk-lib';
import {
  AccessLogField,
  AccessLogFormat,
  AuthorizationType,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  MethodLoggingLevel,
  ResponseType,
  RestApi,
} from 'aws-cdk-lib/aws-apigateway';
import { AnyPrincipal, Effect, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ErrorCode } from '../functions/errors.ts';
import { methodsOf, type RouteName, routes } from '../functions/routes.ts';
import type { Functions } from './functions.ts';

/** Requests a second, and how many at once, of all callers together. */
const RATE = 200;
const BURST = 400;

/** The name of the API's one stage. */
export const STAGE = 'live';

/**
 * The REST API: a method per route to its own function, and the fallback on everything else, which answers 404
 * and 405. `sources` are the address ranges that may call; null means callers signed by IAM.
 */
export function addApi(stack: Stack, functions: Functions, sources: readonly string[] | null): RestApi {
  const accessLogs = new LogGroup(stack, 'AccessLogs', {
    retention: RetentionDays.THREE_MONTHS,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const api = new RestApi(stack, 'Api', {
    restApiName: `${stack.stackName}-api`,
    description: 'Disklane: jobs on VM disk images',
    endpointTypes: [EndpointType.REGIONAL],
    // API Gateway writes logs by a role that the account has one of.
    cloudWatchRole: true,
    cloudWatchRoleRemovalPolicy: RemovalPolicy.RETAIN,
    ...(sources !== null && { policy: onlyFrom(sources) }),
    defaultMethodOptions: {
      authorizationType: sources === null ? AuthorizationType.IAM : AuthorizationType.NONE,
    },
    deployOptions: {
      stageName: STAGE,
      throttlingRateLimit: RATE,
      throttlingBurstLimit: BURST,
      tracingEnabled: true,
      metricsEnabled: true,
      loggingLevel: MethodLoggingLevel.ERROR,
      // Bodies hold what users submit.
      dataTraceEnabled: false,
      accessLogDestination: new LogGroupLogDestination(accessLogs),
      accessLogFormat: accessLogFormat(),
    },
  });

  const rest = new LambdaIntegration(functions.fallback, { allowTestInvoke: false });
  for (const name of Object.keys(routes) as RouteName[]) {
    const resource = api.root.resourceForPath(routes[name].path);
    const integration = new LambdaIntegration(functions[name], { allowTestInvoke: false });
    for (const method of methodsOf(routes[name])) resource.addMethod(method, integration);
  }
  // A resource without ANY would answer other methods itself, and as if the caller were not known.
  const paths = new Set(Object.values(routes).flatMap(({ path }) => ancestors(path)));
  for (const path of ['/', ...paths]) api.root.resourceForPath(path).addMethod('ANY', rest);
  api.root.addResource('{proxy+}').addMethod('ANY', rest);

  for (const [type, code, status] of gatewayErrors) addGatewayError(api, type, code, status);
  return api;
}

/** `/api/v1/jobs` is `/api`, `/api/v1` and `/api/v1/jobs`. */
function ancestors(path: string): string[] {
  const parts = path.split('/').slice(1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

function onlyFrom(sources: readonly string[]): PolicyDocument {
  const anyone = { principals: [new AnyPrincipal()], actions: ['execute-api:Invoke'] };
  return new PolicyDocument({
    statements: [
      new PolicyStatement({
        ...anyone,
        effect: Effect.ALLOW,
        resources: ['execute-api:/*'],
        conditions: { IpAddress: { 'aws:SourceIp': sources } },
      }),
    ],
  });
}

/** What the gateway itself refuses, as our envelope has it. */
const gatewayErrors: readonly (readonly [ResponseType, ErrorCode, number])[] = [
  [ResponseType.DEFAULT_4XX, 'BAD_REQUEST', 400],
  [ResponseType.DEFAULT_5XX, 'INTERNAL_ERROR', 500],
  [ResponseType.UNAUTHORIZED, 'UNAUTHENTICATED', 401],
  // Every path has a method, so this is a caller without a signature.
  [ResponseType.MISSING_AUTHENTICATION_TOKEN, 'UNAUTHENTICATED', 401],
  [ResponseType.ACCESS_DENIED, 'FORBIDDEN', 403],
  [ResponseType.INVALID_SIGNATURE, 'FORBIDDEN', 403],
  [ResponseType.EXPIRED_TOKEN, 'FORBIDDEN', 403],
  [ResponseType.WAF_FILTERED, 'FORBIDDEN', 403],
  [ResponseType.RESOURCE_NOT_FOUND, 'NOT_FOUND', 404],
  [ResponseType.REQUEST_TOO_LARGE, 'PAYLOAD_TOO_LARGE', 413],
  [ResponseType.UNSUPPORTED_MEDIA_TYPE, 'UNSUPPORTED_MEDIA_TYPE', 415],
  [ResponseType.THROTTLED, 'RATE_LIMITED', 429],
  [ResponseType.QUOTA_EXCEEDED, 'RATE_LIMITED', 429],
  [ResponseType.INTEGRATION_FAILURE, 'UNAVAILABLE', 503],
  [ResponseType.INTEGRATION_TIMEOUT, 'UNAVAILABLE', 503],
];

function addGatewayError(api: RestApi, type: ResponseType, code: ErrorCode, status: number): void {
  const again = status === 429 || status === 503;
  const general = type === ResponseType.DEFAULT_4XX || type === ResponseType.DEFAULT_5XX;
  api.addGatewayResponse(`Gateway-${type.responseType}`, {
    type,
    // The two general ones keep the status of whatever happened.
    ...(!general && { statusCode: String(status) }),
    responseHeaders: {
      'X-Request-Id': 'context.requestId',
      ...(again && { 'Retry-After': "'1'" }),
    },
    // messageString is the message in quotes, as JSON has it.
    templates: { 'application/json': `{"error":"${code}","message":$context.error.messageString}` },
  });
}

function accessLogFormat(): AccessLogFormat {
  return AccessLogFormat.custom(
    JSON.stringify({
      time: AccessLogField.contextRequestTime(),
      request_id: AccessLogField.contextRequestId(),
      trace_id: AccessLogField.contextXrayTraceId(),
      source: AccessLogField.contextIdentitySourceIp(),
      caller: AccessLogField.contextIdentityUserArn(),
      method: AccessLogField.contextHttpMethod(),
      path: AccessLogField.contextPath(),
      status: AccessLogField.contextStatus(),
      bytes: AccessLogField.contextResponseLength(),
      milliseconds: AccessLogField.contextResponseLatency(),
      error: AccessLogField.contextErrorResponseType(),
    }),
  );
}
