// The callback as a team would write it in JavaScript: WeCom's own package opens the message, the AWS SDK stores it.
//
// It does what the bundle's callback does: verify the signature, decrypt, check the receiver, parse the message, store
// it once under a hash of its fields, answer 200. Client and parser are made once, outside of the handler.

import { createHash, timingSafeEqual } from 'node:crypto';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { decrypt, getSignature } from '@wecom/crypto';
import { XMLParser } from 'fast-xml-parser';

const { WECOM_CORP_ID, WECOM_APP, WECOM_TOKEN, WECOM_ENCODING_AES_KEY, INBOX_TABLE } = process.env;
const PATH = `/callback/${WECOM_CORP_ID}/${WECOM_APP}`;
const KEPT_SECONDS = 180 * 86_400;
// Events that are not in the index of what is left to the scheduled sync.
const ADDS = ['add_external_contact', 'add_half_external_contact'];

// Ids and times stay strings.
const parser = new XMLParser({ parseTagValue: false });
const dynamodb = new DynamoDBClient({});

export async function handler(event) {
  if (event.rawPath !== PATH) return { statusCode: 404 };
  const query = event.queryStringParameters;
  const body = event.isBase64Encoded ? Buffer.from(event.body, 'base64') : event.body;
  const encrypted = parser.parse(body).xml?.Encrypt;
  if (!query?.msg_signature || !encrypted) return { statusCode: 400 };
  const signature = getSignature(WECOM_TOKEN, query.timestamp, query.nonce, encrypted);
  if (!isEqual(signature, query.msg_signature)) return { statusCode: 403 };

  const { message, id } = decrypt(WECOM_ENCODING_AES_KEY, encrypted);
  if (id !== WECOM_CORP_ID) return { statusCode: 400 };
  const { WelcomeCode, ...fields } = parser.parse(message).xml;
  const item = itemOf(fields, WelcomeCode);
  let known = false;
  try {
    await dynamodb.send(new PutItemCommand({
      TableName: INBOX_TABLE,
      Item: item,
      ConditionExpression: 'attribute_not_exists(id)',
    }));
  } catch (error) {
    if (error.name !== 'ConditionalCheckFailedException') {
      console.error(JSON.stringify({ message: 'could not store an event', error: error.name }));
      return { statusCode: 503 };
    }
    known = true;
  }
  console.log(JSON.stringify({ message: 'stored an event', id: item.id.S, known }));
  return { statusCode: 200, body: '' };
}

function isEqual(one, other) {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

// The attributes and the keys of the indexes are those of the bundle, so that both writes cost the same.
function itemOf(fields, code) {
  const text = JSON.stringify(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
  const id = createHash('sha256').update(JSON.stringify([WECOM_CORP_ID, WECOM_APP, text])).digest('hex');
  const received = Date.now();
  const item = {
    id: { S: id },
    corp: { S: WECOM_CORP_ID },
    app: { S: WECOM_APP },
    name: { S: fields.ChangeType ?? fields.Event },
    created_at: { N: fields.CreateTime },
    received_at_ms: { N: String(received) },
    fields: { S: text },
    expires_at: { N: String(Math.floor(received / 1000) + KEPT_SECONDS) },
  };
  if (fields.ExternalUserID) {
    item.contact = { S: `${WECOM_CORP_ID}#${fields.ExternalUserID}` };
    item.contact_sort = { S: `${fields.CreateTime.padStart(10, '0')}#${String(received).padStart(13, '0')}#${id}` };
  }
  if (!ADDS.includes(item.name.S)) {
    item.work = { S: WECOM_CORP_ID };
    item.work_sort = { S: `${String(received).padStart(13, '0')}#${id}` };
  }
  if (code) item.welcome_code = { S: code };
  return item;
}
