import { z } from 'zod';

const name = z.string().regex(/^[a-z][a-z0-9-]{0,19}$/, 'must be 1 to 20 of a-z 0-9 -, first a letter');

const list = z.string().transform((text) => text.split(',').filter((part) => part !== ''));

/** A range of addresses that is not everybody's: an IPv4 or IPv6 prefix of at least 8 bits. */
const range = z
  .union([z.cidrv4(), z.cidrv6()], 'must be address ranges as in 192.0.2.0/24')
  .refine(
    (cidr) => Number(cidr.split('/')[1]) >= 8,
    'opens the API to everybody; a range has a prefix of 8 bits or more',
  );

const settings = z.object({
  /** The stack's name. */
  DISKLANE_STACK: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'must be 1 to 64 of A-Z a-z 0-9 -, first a letter')
    .default('disklane'),
  /** Begins the name of the table, the queues and the bucket. */
  DISKLANE_AWS_PREFIX: name.default('disklane'),
  /** Worker pools; each has three queues and their dead-letter queues. */
  DISKLANE_POOLS: list
    .pipe(z.array(z.string().regex(/^[A-Za-z0-9_-]{1,40}$/, 'must be names of A-Z a-z 0-9 _ -')))
    .transform((pools) => [...new Set(['default', ...pools])])
    .default(['default']),
  /** Who may call: callers signed by IAM, or the addresses of DISKLANE_API_SOURCES. There is no open API. */
  DISKLANE_API_AUTH: z
    .enum(['iam', 'sources'], 'must be iam or sources: an API that is open to everybody is refused')
    .default('iam'),
  DISKLANE_API_SOURCES: list.pipe(z.array(range)).default([]),
  /** A key of your own, made by the stack, instead of the services' own. */
  DISKLANE_CUSTOMER_KEY: z
    .enum(['true', 'false'], 'must be true or false')
    .transform((value) => value === 'true')
    .default(false),
  /** The workers' VPC and its route tables: they get gateway endpoints for S3 and DynamoDB. */
  DISKLANE_VPC: z
    .string()
    .regex(/^vpc-[0-9a-f]+$/, 'must be a VPC id')
    .optional(),
  DISKLANE_ROUTE_TABLES: list
    .pipe(z.array(z.string().regex(/^rtb-[0-9a-f]+$/, 'must be route table ids')))
    .default([]),
  /** An SNS topic that is told of alarms. */
  DISKLANE_ALARM_TOPIC: z.string().startsWith('arn:', 'must be an ARN').optional(),
});

/** What a stack is made with. */
export type StackSettings = {
  readonly stackName: string;
  readonly prefix: string;
  readonly pools: readonly string[];
  /** Null for callers signed by IAM. */
  readonly sources: readonly string[] | null;
  readonly customerKey: boolean;
  readonly network: { readonly vpcId: string; readonly routeTableIds: readonly string[] } | null;
  readonly alarmTopicArn: string | null;
};

/** Parses the environment; throws an Error that names the first setting that is wrong. */
export function stackSettings(environment: Readonly<Record<string, string | undefined>>): StackSettings {
  const parsed = settings.safeParse(environment);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`${String(issue?.path[0])}: ${issue?.message}`);
  }
  const { data } = parsed;
  const open = data.DISKLANE_API_AUTH === 'sources' && data.DISKLANE_API_SOURCES.length === 0;
  if (open) throw new Error('DISKLANE_API_SOURCES: must name the address ranges that may call');
  if (data.DISKLANE_VPC !== undefined && data.DISKLANE_ROUTE_TABLES.length === 0) {
    throw new Error('DISKLANE_ROUTE_TABLES: must name route tables of DISKLANE_VPC');
  }
  return {
    stackName: data.DISKLANE_STACK,
    prefix: data.DISKLANE_AWS_PREFIX,
    pools: data.DISKLANE_POOLS,
    sources: data.DISKLANE_API_AUTH === 'iam' ? null : data.DISKLANE_API_SOURCES,
    customerKey: data.DISKLANE_CUSTOMER_KEY,
    network:
      data.DISKLANE_VPC === undefined
        ? null
        : { vpcId: data.DISKLANE_VPC, routeTableIds: data.DISKLANE_ROUTE_TABLES },
    alarmTopicArn: data.DISKLANE_ALARM_TOPIC ?? null,
  };
}
