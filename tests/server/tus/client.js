// SPDX-License-Identifier: GPL-3.0-or-later
// Uploads a file by the public client, through whatever stands between it and the server.
//   node client.js FILE URL TOKEN SHA256 TYPE CHUNK STATE
// CHUNK: bytes of a part, 0 = all in one. STATE: a file with the upload's address, so that a client
// that was killed goes on where it was. Ends with 0 once the server has all of it.
const fs = require('fs')
const tus = require('tus-js-client')

const [file, url, token, sha256, type, chunk, state] = process.argv.slice(2)
const stream = fs.createReadStream(file)
let retries = 0

const upload = new tus.Upload(stream, {
  endpoint: url + '/v1/uploads',
  uploadUrl: fs.existsSync(state) ? fs.readFileSync(state, 'utf8') : undefined,
  uploadSize: fs.statSync(file).size,
  chunkSize: Number(chunk) || Infinity,
  retryDelays: Array(200).fill(20),
  headers: { Authorization: 'Bearer ' + token },
  metadata: { filename: '照片.jpg', filetype: type, sha256 },
  // Whatever happens on the way is no reason to give up.
  onShouldRetry: () => { retries++; return true },
  onUploadUrlAvailable: () => {
    fs.writeFileSync(state + '.new', upload.url)
    fs.renameSync(state + '.new', state)
  },
  onChunkComplete: (size, accepted) => console.log('accepted ' + accepted),
  onError: error => { console.error(String(error)); process.exit(1) },
  onSuccess: () => { console.log('retries ' + retries); process.exit(0) }
})

upload.start()
