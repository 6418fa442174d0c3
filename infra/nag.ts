import type { Stack } from 'aws-cdk-lib';
import { type NagPackSuppression, NagSuppressions } from 'cdk-nag';
import type { StackSettings } from './settings.ts';

/** What the rules of AwsSolutions object to here, and why it is so. */
export function explainFindings(stack: Stack, { sources }: StackSettings): void {
  const explained: NagPackSuppression[] = [
    {
      id: 'AwsSolutions-COG4',
      reason:
        'Callers are programs: signed by IAM or admitted by their address, until there are keys of ours.',
    },
    {
      id: 'AwsSolutions-APIG2',
      reason:
        'The functions parse each request by its schema, and their replies name the field that is wrong.',
    },
    {
      id: 'AwsSolutions-APIG3',
      reason:
        'No anonymous caller reaches the API, and its stage is throttled; an account may attach a web ACL.',
    },
    {
      id: 'AwsSolutions-S1',
      reason:
        'Access logs need a second bucket; CloudTrail records the same calls where somebody wants them.',
    },
    {
      id: 'AwsSolutions-IAM4',
      reason: 'The policy that API Gateway documents for the role it writes logs by.',
      appliesTo: [
        'Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs',
      ],
    },
    {
      id: 'AwsSolutions-IAM5',
      reason: 'X-Ray takes segments for no resource in particular.',
      appliesTo: ['Resource::*'],
    },
    {
      id: 'AwsSolutions-IAM5',
      reason: 'Each job has objects of its own below these two prefixes.',
      appliesTo: [{ regex: '/^Resource::<Objects[0-9A-F]+\\.Arn>\\/(documents|results)\\/\\*$/' }],
    },
  ];
  if (sources !== null) {
    explained.push({
      id: 'AwsSolutions-APIG4',
      reason: 'The resource policy admits the address ranges of DISKLANE_API_SOURCES and nobody else.',
    });
  }
  NagSuppressions.addStackSuppressions(stack, explained);
}
