// Node.js 클라이언트
const WebSocket = require('ws');
const ws = new WebSocket('ws://localhost:8080');
ws.on('open', () => {
console.log('서버에 연결됨');
ws.send('안녕하세요!');
});
ws.on('message', (data) => {
console.log('서버 메시지:', data.toString());
});
ws.on('close', () => {
console.log('연결 종료');
});
ws.on('error', (error) => {
console.error('에러:', error);
});
