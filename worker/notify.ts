import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** A service manager that waits for this process and watches it; see sd_notify(3). */
export type Notifier = {
  /** Tells that it has started; from now on the watchdog is fed while this process' event loop turns. */
  ready(): Promise<void>;
  /** Tells that it drains. The watchdog is fed until the process ends. */
  stopping(): Promise<void>;
};

const nobody: Notifier = { ready: async () => {}, stopping: async () => {} };

/**
 * Speaks to systemd by its own program, since Node has no datagrams on Unix sockets; the unit needs
 * `NotifyAccess=all`. Does nothing where NOTIFY_SOCKET is not set. A message that cannot be sent is `told`.
 */
export function serviceNotifier(
  environment: Readonly<Record<string, string | undefined>>,
  told: (error: unknown) => void,
): Notifier {
  if (environment.NOTIFY_SOCKET === undefined) return nobody;
  const env = { ...environment };
  const notify = async (message: string) => {
    try {
      await exec('systemd-notify', [message], { env, timeout: 10_000 });
    } catch (error) {
      told(error);
    }
  };
  return {
    async ready() {
      await notify('READY=1');
      const watchdogMs = Number(environment.WATCHDOG_USEC ?? 0) / 1000;
      // Three times in the time that systemd allows; sd_watchdog_enabled(3) advises at least two.
      if (watchdogMs > 0) setInterval(() => void notify('WATCHDOG=1'), watchdogMs / 3).unref();
    },
    stopping: () => notify('STOPPING=1'),
  };
}
