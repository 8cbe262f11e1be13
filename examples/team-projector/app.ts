import { App } from 'aws-cdk-lib';
import { TeamProjection } from 'distributary/cdk';

const app = new App();
new TeamProjection(app, 'case-headlines');
