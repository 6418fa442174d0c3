import { Aws, type Stack } from 'aws-cdk-lib';
import { CfnVPCEndpoint } from 'aws-cdk-lib/aws-ec2';

/** Gateway endpoints, which cost nothing, for the workers' traffic to S3 and DynamoDB. SQS has no such endpoint. */
export function addGatewayEndpoints(
  stack: Stack,
  { vpcId, routeTableIds }: { vpcId: string; routeTableIds: readonly string[] },
): void {
  for (const service of ['s3', 'dynamodb']) {
    new CfnVPCEndpoint(stack, `Endpoint-${service}`, {
      vpcId,
      vpcEndpointType: 'Gateway',
      serviceName: `com.amazonaws.${Aws.REGION}.${service}`,
      routeTableIds: [...routeTableIds],
    });
  }
}
