// What OHIF asks with, npm's dicomweb-client: node dicomweb.mjs URL HEADERS WORD ...; prints one JSON document.
//   search KEYS | metadata STUDY SERIES | instances STUDY SERIES FOLDER | frames STUDY SERIES INSTANCE FILE
//   rendered STUDY SERIES INSTANCE FILE | store FILE...
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';
import xhr2 from 'xhr2';

globalThis.XMLHttpRequest = xhr2;
const { api } = createRequire(import.meta.url)('dicomweb-client');
const [url, headers, word, ...rest] = process.argv.slice(2);
const client = new api.DICOMwebClient({ url, singlepart: false, headers: JSON.parse(headers), verbose: false });
const [study, series, instance] = rest;
const ids = { studyInstanceUID: study, seriesInstanceUID: series, sopInstanceUID: instance };

function bytes(file) {
  const held = fs.readFileSync(file);
  return held.buffer.slice(held.byteOffset, held.byteOffset + held.byteLength);
}

const words = {
  search: () => client.searchForStudies({ queryParams: JSON.parse(rest[0]) }),
  metadata: () => client.retrieveSeriesMetadata({ studyInstanceUID: study, seriesInstanceUID: series }),
  async instances() {
    const found = await client.retrieveSeries({ studyInstanceUID: study, seriesInstanceUID: series });
    found.forEach((one, place) => fs.writeFileSync(path.join(rest[2], `${place}.dcm`), Buffer.from(one)));
    return found.length;
  },
  async frames() {
    const found = await client.retrieveInstanceFrames({ ...ids, frameNumbers: ['1'] });
    fs.writeFileSync(rest[3], Buffer.from(found[0]));
    return found.length;
  },
  async rendered() {
    const [found] = await client.retrieveInstanceRendered({ ...ids, mediaTypes: [{ mediaType: 'image/jpeg' }] });
    fs.writeFileSync(rest[3], Buffer.from(found));
    return found.byteLength;
  },
  store: async () => (await client.storeInstances({ datasets: rest.map(bytes) })) ?? null,
};

try {
  console.log(JSON.stringify({ answer: await words[word]() }));
} catch (error) {
  console.log(JSON.stringify({ error: String(error.message ?? error), status: error.status ?? null }));
}
