import { Hono } from 'hono';
import { listen } from '../../local/server.ts';

/** The yardstick: a bare Hono route that answers a constant JSON of SIZE bytes, whatever the method. */
const size = Number(process.env.SIZE);
const text = JSON.stringify({ data: 'x'.repeat(Math.max(0, size - 11)) });
const app = new Hono();
app.all('/', (c) => c.body(text, 200, { 'Content-Type': 'application/json' }));
const server = await listen('127.0.0.1', 0);
server.answerWith((request) => app.fetch(request));
console.log(`bare ready on http://127.0.0.1:${server.port}`);
process.on('SIGTERM', () => process.exit(0));
