import { App, Aspects } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { Bundle } from './bundle.ts';
import type { CodeKeys } from './functions.ts';
import { explainFindings } from './nag.ts';
import type { StackSettings } from './settings.ts';
import { createStack } from './stack.ts';

/** A CloudFormation template, as far as we look into it. */
export type Template = {
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties?: object }>>;
};

/**
 * The stack's template, checked by the rules of AwsSolutions. Needs neither an account nor a network. Throws an
 * Error with every finding that nag.ts does not explain.
 *
 * @param outdir where CDK writes the template; a folder of the system's for temporary files when left out
 */
export function synthesize(
  settings: StackSettings,
  keys: CodeKeys,
  outdir?: string,
): { readonly template: Template; readonly file: string } {
  const app = new App({
    analyticsReporting: false,
    // Without the path of each construct's source in the template.
    treeMetadata: false,
    ...(outdir !== undefined && { outdir }),
  });
  const stack = createStack(app, settings, keys);
  explainFindings(stack, settings);
  Aspects.of(app).add(new AwsSolutionsChecks());
  const { template, templateFullPath } = app.synth().getStackByName(settings.stackName);
  const annotations = Annotations.fromStack(stack);
  const findings = [
    ...annotations.findError('*', Match.anyValue()),
    ...annotations.findWarning('*', Match.anyValue()),
  ].map(({ id, entry }) => `${id}: ${String(entry.data)}`);
  if (findings.length > 0) throw new Error(`the stack has findings:\n${findings.join('\n')}`);
  return { template, file: templateFullPath };
}

/** The keys of the functions' code, for the template. */
export function keysOf(bundles: readonly Bundle[]): CodeKeys {
  return Object.fromEntries(bundles.map(({ name, key }) => [name, key])) as CodeKeys;
}
