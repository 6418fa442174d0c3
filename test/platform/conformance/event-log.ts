import { describe, expect, test } from 'vitest';
import type { JobEvent } from '../../../core/ports.ts';
import { opened, type Subject, unique } from './subject.ts';

const event = (message: string, percent = 0): JobEvent => ({ at: 1000, phase: 'read', percent, message });

/** The guarantees of EventLog. */
export function eventLogConformance(subject: Subject): void {
  describe(`${subject.name}: EventLog`, () => {
    const open = opened(subject);
    const events = () => open().platform.events;
    const messages = async (job: string, ...rest: [Parameters<typeof read>[1]?, number?]) =>
      (await read(job, ...rest)).map(({ message }) => message);
    const read = (job: string, after: { version: number; index: number } | null = null, limit = 100) =>
      open().other.events.after(job, after, limit);

    test('after gives every acknowledged event to every client, as it was', async () => {
      const job = unique('job');
      await events().append(job, [event('début ü', 12.5)], 3);
      expect(await read(job)).toMatchObject([event('début ü', 12.5)]);
    });

    test('events come by record version, then by index, whatever the order of the appends', async () => {
      const job = unique('job');
      for (const version of [10, 2, 9]) {
        await events().append(job, [event(`${version}a`), event(`${version}b`)], version);
      }
      expect(await messages(job)).toEqual(['2a', '2b', '9a', '9b', '10a', '10b']);
    });

    test('after goes on behind any sequence, within its limit', async () => {
      const job = unique('job');
      await events().append(job, [event('a'), event('b'), event('c')], 1);
      await events().append(job, [event('d'), event('e')], 4);
      const all = await read(job);
      for (const [n, { sequence }] of all.entries()) {
        expect(await read(job, sequence)).toEqual(all.slice(n + 1));
        expect(await read(job, sequence, 1)).toEqual(all.slice(n + 1, n + 2));
      }
      expect(await messages(job, { version: 2, index: 7 })).toEqual(['d', 'e']);
      expect(await messages(job, { version: 5, index: 0 })).toEqual([]);
    });

    test('appending a version again replaces nothing and adds nothing', async () => {
      const job = unique('job');
      await events().append(job, [event('first')], 1);
      await events().append(job, [event('second'), event('third')], 1);
      expect(await messages(job)).toEqual(['first']);
    });

    test('of appends of one version at the same time one is there, whole', async () => {
      const job = unique('job');
      const writers = ['a', 'b', 'c', 'd'].map((name) => [event(`${name}1`), event(`${name}2`)]);
      await Promise.all(writers.map((list) => events().append(job, list, 1)));
      const found = await messages(job);
      expect(writers.map((list) => list.map(({ message }) => message))).toContainEqual(found);
    });

    test('no events and an unknown job are an empty list', async () => {
      const job = unique('job');
      await events().append(job, [], 1);
      expect(await messages(job)).toEqual([]);
    });

    test("remove takes one job's events", async () => {
      const [job, other] = [unique('job'), unique('job')];
      await events().append(job, [event('gone')], 1);
      await events().append(other, [event('stays')], 1);
      await events().remove(job);
      expect(await messages(job)).toEqual([]);
      expect(await messages(other)).toEqual(['stays']);
    });
  });
}
