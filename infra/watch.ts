import { Aws, CfnOutput, Duration, type Stack } from 'aws-cdk-lib';
import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import {
  Alarm,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  type IMetric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
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
  const alarm = (id: string, metric: IMetric, threshold: number, says: string) => {
    const added = new Alarm(stack, id, {
      metric,
      threshold,
      alarmDescription: `Disklane: ${says}`,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
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
  for (const name of functionNames) {
    const throttled = functions[name].metricThrottles({ statistic: 'Sum', period: FIVE_MINUTES });
    alarm(`Throttles-${name}`, throttled, 1, `the function ${name} is throttled`);
  }
  for (const event of ['ReadThrottleEvents', 'WriteThrottleEvents']) {
    const throttled = storage.table.metric(event, { statistic: 'Sum', period: FIVE_MINUTES });
    alarm(event, throttled, 1, 'the table throttles');
  }
  // Without sweeps nothing is sent again and no deadline is met.
  const { sweep } = functions;
  const missed = sweep.metricErrors({ statistic: 'Sum', period: FIVE_MINUTES });
  alarm('SweepErrors', missed, 3, 'the sweeper fails');
  const silent = new Alarm(stack, 'NoSweep', {
    metric: sweep.metricInvocations({ statistic: 'Sum', period: FIVE_MINUTES }),
    threshold: 1,
    alarmDescription: 'Disklane: the sweeper does not run',
    comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
    evaluationPeriods: 1,
    treatMissingData: TreatMissingData.BREACHING,
  });
  if (topic !== null) silent.addAlarmAction(topic);

  addDashboard(stack, watched);
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
        graph(
          'Throttled calls',
          each((one) => functions[one].metricThrottles()),
        ),
      ],
    ],
  });
  new CfnOutput(stack, 'DashboardName', { value: name });
}
