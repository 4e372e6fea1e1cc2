// What a PACS does, with dcmjs-dimse: node dimse.mjs PORT CALLING WORD ...; prints one JSON document.
//   echo | store FILE... | find LEVEL KEYS | move LEVEL KEYS TO | get LEVEL KEYS FOLDER | commit CLASS UID
import path from 'node:path';
import dimse from 'dcmjs-dimse';

const { Client, Dataset } = dimse;
const { CEchoRequest, CFindRequest, CGetRequest, CMoveRequest, CStoreRequest, NActionRequest } = dimse.requests;
const { CStoreResponse, NEventReportResponse } = dimse.responses;
const { SopClass, Status } = dimse.constants;

dimse.log.setLevel('silent');
const [port, calling, word, ...rest] = process.argv.slice(2);
const told = { statuses: [], found: [], kept: 0, error: null };
const client = new Client();

function asked(request) {
  request.on('response', (response) => {
    told.statuses.push(response.getStatus());
    if (response.getStatus() === Status.Pending && response.hasDataset()) told.found.push(response.getDataset().getElements());
  });
  client.addRequest(request);
}

function query(request, level, keys) {
  request.setDataset(new Dataset({ QueryRetrieveLevel: level, ...JSON.parse(keys) }));
  return request;
}

client.on('cStoreRequest', (request, answer) => {
  const dataset = request.getDataset();
  told.kept += 1;
  dataset.toFile(path.join(rest[2], dataset.getElement('SOPInstanceUID')), () => {
    const response = CStoreResponse.fromRequest(request);
    response.setStatus(Status.Success);
    answer(response);
  });
});
client.on('nEventReportRequest', (request, answer) => {
  told.committed = request.getDataset().getElements();
  const response = NEventReportResponse.fromRequest(request);
  response.setStatus(Status.Success);
  answer(response);
});
for (const name of ['networkError', 'associationRejected', 'pDataTimeout']) {
  client.on(name, (error) => { told.error = `${name}: ${error?.message ?? JSON.stringify(error)}`; });
}
client.on('closed', () => { console.log(JSON.stringify(told)); });

if (word === 'echo') asked(new CEchoRequest());
else if (word === 'store') rest.forEach((file) => asked(new CStoreRequest(file)));
else if (word === 'find') asked(query(CFindRequest.createStudyFindRequest({}), rest[0], rest[1]));
else if (word === 'move') asked(query(CMoveRequest.createStudyMoveRequest(rest[2], ''), rest[0], rest[1]));
else if (word === 'get') asked(query(CGetRequest.createStudyGetRequest(''), rest[0], rest[1]));
else if (word === 'commit') {
  const request = new NActionRequest(SopClass.StorageCommitmentPushModel, '1.2.840.10008.1.20.1.1', 1);
  request.setDataset(new Dataset({
    TransactionUID: rest[2],
    ReferencedSOPSequence: [{ ReferencedSOPClassUID: rest[0], ReferencedSOPInstanceUID: rest[1] }],
  }));
  asked(request);
}
client.send('127.0.0.1', Number(port), calling, 'KRYPTON');
