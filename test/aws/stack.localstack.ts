import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { deployTemplate } from '../../infra/deploy.ts';
import { type CodeKeys, functionNames } from '../../infra/functions.ts';
import { stackSettings } from '../../infra/settings.ts';
import { synthesize } from '../../infra/synth.ts';
import { openAwsPlatform } from '../../platform/aws/platform.ts';

const endpoint = z.url().parse(process.env.DISKLANE_TEST_AWS_ENDPOINT);

type Resource = {
  readonly Type: string;
  readonly Properties?: object;
  readonly DependsOn?: string | string[];
};
type Template = {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs: Readonly<Record<string, object>>;
};

/** What the functions leave: LocalStack runs none without Docker. Methods stay, with nothing behind them. */
function withoutFunctions({ Resources, Outputs, ...rest }: Template): Template {
  const kept = new Map(
    Object.entries(Resources)
      .filter(([, { Type }]) => Type !== 'AWS::Lambda::Function')
      .map(([id, resource]) =>
        resource.Type === 'AWS::ApiGateway::Method'
          ? [id, { ...resource, Properties: { ...resource.Properties, Integration: { Type: 'MOCK' } } }]
          : [id, resource],
      ),
  );
  const known = (value: object | undefined) =>
    namesIn(value).every((name) => kept.has(name) || !Object.hasOwn(Resources, name));
  for (let size = -1; size !== kept.size; ) {
    size = kept.size;
    for (const [id, { Properties }] of kept) if (!known(Properties)) kept.delete(id);
  }
  const resources = [...kept].map(([id, { DependsOn = [], ...resource }]) => {
    const depends = [DependsOn].flat().filter((name) => kept.has(name));
    return [id, { ...resource, ...(depends.length > 0 && { DependsOn: depends }) }];
  });
  const outputs = Object.entries(Outputs).filter(([, output]) => known(output));
  return { ...rest, Resources: Object.fromEntries(resources), Outputs: Object.fromEntries(outputs) };
}

/** The resources that a part of a template names. */
function namesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = 'Ref' in value ? [String(value.Ref)] : [];
  if ('Fn::GetAtt' in value && Array.isArray(value['Fn::GetAtt'])) own.push(String(value['Fn::GetAtt'][0]));
  return [...own, ...Object.values(value).flatMap(namesIn)];
}

test('the template without its functions deploys, and what it makes is what the platform needs', async () => {
  Object.assign(process.env, {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  const name = `stack-${randomBytes(4).toString('hex')}`;
  const settings = stackSettings({ DISKLANE_STACK: name, DISKLANE_AWS_PREFIX: name });
  const keys = Object.fromEntries(functionNames.map((one) => [one, one])) as CodeKeys;
  const whole = synthesize(settings, keys).template as Template;
  const template = withoutFunctions(whole);
  const types = new Set(Object.values(template.Resources).map(({ Type }) => Type));
  const gone = Object.values(whole.Resources).filter(({ Type }) => !types.has(Type));
  expect(new Set(gone.map(({ Type }) => Type))).toEqual(
    new Set([
      'AWS::Lambda::Function',
      'AWS::Lambda::Permission',
      'AWS::Events::Rule',
      // It shows the functions' metrics.
      'AWS::CloudWatch::Dashboard',
    ]),
  );
  const outputs = await deployTemplate(template, new Map(), {
    settings,
    codeBucket: `${name}-code`,
    endpoint,
    say: () => {},
  });
  const platform = await openAwsPlatform({
    endpoint,
    prefix: name,
    pools: settings.pools,
    bucket: outputs.get('BucketName'),
  });
  await platform.verify();
  await platform.close();
});
