/** Salesforce's error list, as a refused request has it (REST API Developer Guide, "Status Codes and Error Responses"). */
export function refusal(status: number, errorCode: string, message: string): Response {
  return Response.json([{ message, errorCode }], { status });
}

/** An error of one record of a collection: another name for the code. */
export interface ItemError {
  statusCode: string;
  message: string;
  fields: string[];
}

export function itemError(statusCode: string, message: string, fields: string[] = []): ItemError {
  return { statusCode, message, fields };
}
