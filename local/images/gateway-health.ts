// The gateway's health check in its image: exit code 0 when its stores answer.
const response = await fetch(`http://127.0.0.1:${process.env.PORT ?? '8080'}/api/v1/health`);
console.log(await response.text());
if (!response.ok) process.exitCode = 1;
