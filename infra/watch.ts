import { Aws, CfnOutput, Duration, type Stack } from 'aws-cdk-lib';
import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import {
  Alarm,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  type IMetric,
  MathExpression,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Operation } from 'aws-cdk-lib/aws-dynamodb';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { type FunctionName, type Functions, functionNames } from './functions.ts';
import type { Storage } from './storage.ts';

/** A message that waits longer than this, in seconds, has too few workers. */
const OLDEST_SECONDS = 900;

const FIVE_MINUTES = Duration.minutes(5);

type Watched = { readonly api: RestApi; readonly functions: Functions; readonly storage: Storage };

/** The alarms, told to `topicArn` where there is one, and a dashboard. */
export function addWatch(stack: Stack, watched: Watched, topicArn: string | null): void {
  const { api, functions, storage } = watched;
  const topic = topicArn === null ? null : new SnsAction(Topic.fromTopicArn(stack, 'AlarmTopic', topicArn));
  const alarm = (
    id: string,
    metric: IMetric,
    threshold: number,
    says: string,
    missing: TreatMissingData = TreatMissingData.NOT_BREACHING,
  ) => {
    const added = new Alarm(stack, id, {
      metric,
      threshold,
      alarmDescription: `Disklane: ${says}`,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: missing,
    });
    if (topic !== null) added.addAlarmAction(topic);
  };

  for (const { resource, queue, dead } of storage.lanes) {
    const { pool, band } = resource.lane;
    const lane = `${pool}-${band}`;
    const waiting = dead.metricApproximateNumberOfMessagesVisible({
      statistic: 'Maximum',
      period: FIVE_MINUTES,
    });
    alarm(`DeadLetters-${lane}`, waiting, 1, `lane ${lane} has dead letters`);
    const age = queue.metricApproximateAgeOfOldestMessage({ statistic: 'Maximum', period: FIVE_MINUTES });
    alarm(`Oldest-${lane}`, age, OLDEST_SECONDS, `a job of lane ${lane} waits for a worker`);
  }
  const failed = api.metricServerError({ statistic: 'Sum', period: FIVE_MINUTES });
  alarm('ServerErrors', failed, 5, 'requests fail with 5xx');
  alarm('Throttles', throttles(functions), 1, 'functions are throttled');
  const tableThrottles = storage.table.metricThrottledRequestsForOperations({
    operations: [Operation.GET_ITEM, Operation.PUT_ITEM, Operation.UPDATE_ITEM, Operation.QUERY],
    period: FIVE_MINUTES,
  });
  alarm('TableThrottles', tableThrottles, 1, 'the table throttles');
  const silent = new MathExpression({
    // No sweep without an error means that nothing is sent again and no deadline is met.
    expression: 'IF(FILL(calls, 0) - FILL(errors, 0) < 1, 1, 0)',
    usingMetrics: {
      calls: functions.sweep.metricInvocations(),
      errors: functions.sweep.metricErrors(),
    },
    label: 'no sweep',
    period: FIVE_MINUTES,
  });
  alarm('NoSweep', silent, 1, 'the sweeper does not run', TreatMissingData.BREACHING);

  addDashboard(stack, watched);
}

function throttles(functions: Functions): MathExpression {
  const metrics = functionNames.map((name) => [name, functions[name].metricThrottles()] as const);
  return new MathExpression({
    expression: metrics.map(([name]) => name).join(' + '),
    usingMetrics: Object.fromEntries(metrics),
    label: 'throttled calls of functions',
    period: FIVE_MINUTES,
  });
}

function addDashboard(stack: Stack, { api, functions, storage }: Watched): void {
  const each = (metric: (name: FunctionName) => IMetric) => functionNames.map(metric);
  const graph = (title: string, left: IMetric[], right: IMetric[] = []) =>
    new GraphWidget({ title, left, right, width: 12 });
  const name = `${stack.stackName}-${Aws.REGION}`;
  new Dashboard(stack, 'Dashboard', {
    dashboardName: name,
    widgets: [
      [
        graph('Requests', [api.metricCount(), api.metricClientError(), api.metricServerError()]),
        graph('Latency, ms', [
          api.metricLatency({ statistic: 'p50', label: 'p50' }),
          api.metricLatency({ statistic: 'p99', label: 'p99' }),
        ]),
      ],
      [
        graph(
          'Jobs that wait',
          storage.lanes.map(({ queue }) => queue.metricApproximateNumberOfMessagesVisible()),
          storage.lanes.map(({ dead }) => dead.metricApproximateNumberOfMessagesVisible()),
        ),
        graph(
          'Oldest message, s',
          storage.lanes.map(({ queue }) => queue.metricApproximateAgeOfOldestMessage()),
        ),
      ],
      [
        graph(
          'Functions: calls and errors',
          each((one) => functions[one].metricInvocations()),
          each((one) => functions[one].metricErrors()),
        ),
        graph(
          'Functions: p99, ms',
          each((one) => functions[one].metricDuration({ statistic: 'p99' })),
        ),
      ],
      [
        graph('Table: units', [
          storage.table.metricConsumedReadCapacityUnits(),
          storage.table.metricConsumedWriteCapacityUnits(),
        ]),
        graph('Throttles', [throttles(functions)]),
      ],
    ],
  });
  new CfnOutput(stack, 'DashboardName', { value: name });
}
