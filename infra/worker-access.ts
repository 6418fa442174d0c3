import { CfnOutput, type Stack } from 'aws-cdk-lib';
import { InstanceProfile, ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { rightsOf } from './rights.ts';
import type { Storage } from './storage.ts';

/** What a worker may do, as a policy of its own for hosts anywhere, and an instance profile with it for hosts on EC2. */
export function addWorkerAccess(stack: Stack, storage: Storage): ManagedPolicy {
  const policy = new ManagedPolicy(stack, 'WorkerPolicy', {
    description: 'What a Disklane worker does with the table, the queues and the bucket',
    statements: rightsOf('worker', storage),
  });
  const role = new Role(stack, 'WorkerRole', {
    description: 'Disklane workers on EC2',
    assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
    managedPolicies: [policy],
  });
  const profile = new InstanceProfile(stack, 'WorkerProfile', { role });
  new CfnOutput(stack, 'WorkerPolicyArn', { value: policy.managedPolicyArn });
  new CfnOutput(stack, 'WorkerInstanceProfile', { value: profile.instanceProfileName });
  return policy;
}
