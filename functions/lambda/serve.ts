import { type APIGatewayProxyResult, handle, type LambdaContext, type LambdaEvent } from 'hono/aws-lambda';
import type { Api } from '../shell.ts';
import { logger } from './log.ts';

type Handler = (event: LambdaEvent, lambda: LambdaContext) => Promise<APIGatewayProxyResult>;

/** An application as the handler of a function behind the REST API. */
export function serve(api: Api): Handler {
  const answer = handle(api);
  return async (event, lambda) => {
    logger.appendKeys({ function_name: lambda.functionName, function_request_id: lambda.awsRequestId });
    return answer(event, lambda);
  };
}
