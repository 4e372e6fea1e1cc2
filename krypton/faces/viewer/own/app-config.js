// Says to OHIF where its files are and whom it asks for images; and leaves the page when the link has ended.
// A link's own path is /viewer/s/<link>: its cookie is sent there and nowhere else.
(() => {
  'use strict';

  const home = location.pathname.split('/').slice(0, 4).join('/');
  const images = `${home}/dicom-web`;

  // What ends in the middle ends with a page that says why. OHIF would go on asking for each frame.
  const over = new Set([401, 403, 410]);
  let leaving = false;
  const look = (status) => {
    if (over.has(status) && !leaving) {
      leaving = true;
      window.stop();
      location.replace(`${home}/ended`);
    }
  };
  const send = XMLHttpRequest.prototype.send;
  XMLHttpRequest.prototype.send = function sending(...body) {
    this.addEventListener('loadend', () => look(this.status));
    return send.apply(this, body);
  };
  const ask = window.fetch;
  window.fetch = async (...asked) => {
    const answer = await ask(...asked);
    look(answer.status);
    return answer;
  };

  window.PUBLIC_URL = document.currentScript.dataset.base;
  window.browserImportFunction = () => Promise.reject(new Error('nothing is loaded from elsewhere'));
  window.config = {
    name: 'krypton',
    routerBasename: home,
    extensions: [],
    modes: ['@ohif/mode-basic'],
    customizationService: {},
    showStudyList: false,
    showPatientInfo: 'visibleReadOnly',
    maxNumberOfWebWorkers: 2,
    showWarningMessageForCrossOrigin: true,
    showCPUFallbackMessage: false,
    showLoadingIndicator: true,
    strictZSpacingForVolumeViewport: true,
    investigationalUseDialog: { option: 'never' },
    showErrorDetails: 'production',
    maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 25 },
    studyPrefetcher: { enabled: false },
    defaultDataSourceName: 'krypton',
    httpErrorHandler: (error) => look(error && error.status),
    dataSources: [
      {
        namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
        sourceName: 'krypton',
        configuration: {
          friendlyName: 'Images',
          name: 'krypton',
          qidoRoot: images,
          wadoRoot: images,
          wadoUriRoot: images,
          qidoSupportsIncludeField: false,
          imageRendering: 'wadors',
          thumbnailRendering: 'wadors',
          enableStudyLazyLoad: true,
          supportsFuzzyMatching: false,
          supportsWildcard: false,
          supportsStow: false,
          supportsReject: false,
          staticWado: false,
          singlepart: 'bulkdata,video,pdf',
          bulkDataURI: { enabled: true },
          omitQuotationForMultipartRequest: true,
        },
      },
    ],
  };
})();
