// A provider of sign-in for development and tests, in the shape of Pro Santé Connect: fictitious people, this machine alone.
//
//   node provider.mjs SETTINGS.json
//
// SETTINGS: {"port", "clients": [...], "people": [{"id", "name", "told": {...}, "shown": {...}}]}. Keys, sessions and
// tokens are in memory. Whoever asks chooses as whom to sign in: nothing here proves anything.

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

import Provider from 'oidc-provider';

const HOST = '127.0.0.1';
const settings = JSON.parse(readFileSync(process.argv[2], 'utf-8'));
const people = new Map(settings.people.map((one) => [one.id, one]));
const shown = [...new Set(settings.people.flatMap((one) => Object.keys(one.shown)))];

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const signing = { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };

const escaped = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
const page = (title, body) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title></head>
<body><h1>${title}</h1><p>For development: nobody here exists.</p>${body}</body></html>`;

const provider = new Provider(`http://${HOST}:${settings.port}`, {
  clients: settings.clients.map((one) => ({
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic',
    backchannel_logout_session_required: true,
    ...one,
  })),
  jwks: { keys: [signing] },
  cookies: { keys: [randomUUID()] },
  acrValues: ['eidas1'],
  scopes: ['openid', 'scope_all'],
  claims: { openid: ['sub', ...shown], scope_all: [], acr: null, sid: null, auth_time: null },
  conformIdTokenClaims: true,
  pkce: { required: () => true },
  // The library reaches no address of this machine, and the web service that is told of a sign-out is nowhere else.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    revocation: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: {
      logoutSource: (ctx, form) => {
        ctx.body = page('Sign out?', `${form}<button form="op.logoutForm" name="logout" value="yes">Sign out</button>`);
      },
      postLogoutSuccessSource: (ctx) => { ctx.body = page('Signed out', ''); },
    },
  },
  ttl: { AccessToken: 120, RefreshToken: 1800, IdToken: 120, Session: 14400, Grant: 14400, Interaction: 600 },
  issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
  extraTokenClaims: (ctx, token) => ({ ...people.get(token.accountId)?.told, acr: 'eidas1' }),
  findAccount: (ctx, id) => people.has(id) && { accountId: id, claims: () => ({ sub: id, ...people.get(id).shown }) },
  interactions: { url: (ctx, interaction) => `/choose/${interaction.uid}` },
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope('openid scope_all');
    grant.addOIDCClaims(shown);
    await grant.save();
    return grant;
  },
  renderError: (ctx, out) => { ctx.type = 'html'; ctx.body = page('Error', `<p>${escaped(out.error)}: ${escaped(out.error_description ?? '')}</p>`); },
});

provider.on('backchannel.error', (ctx, error, client) => console.error(`${client.clientId} is not told: ${error.message}`));

async function fields(request) {
  let body = '';
  for await (const part of request) {
    body += part;
    if (body.length > 10_000) throw new Error('too long');
  }
  return new URLSearchParams(body);
}

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/choose/')) return next();
  if (ctx.method === 'POST') {
    const id = (await fields(ctx.req)).get('person');
    if (!people.has(id)) ctx.throw(400, 'nobody by that name');
    const login = { accountId: id, acr: 'eidas1', amr: ['carteCPS'], remember: true };
    return provider.interactionFinished(ctx.req, ctx.res, { login }, { mergeWithLastSubmission: false });
  }
  const buttons = [...people.values()].map((one) => `<p><button name="person" value="${escaped(one.id)}">${escaped(one.name)}</button></p>`);
  ctx.type = 'html';
  ctx.body = page('Sign in as', `<form method="post">${buttons.join('')}</form>`);
  return undefined;
});

const server = provider.listen(settings.port, HOST, () => console.log(`listening on ${HOST}:${settings.port}`));
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => { server.closeAllConnections(); server.close(() => process.exit(0)); });
