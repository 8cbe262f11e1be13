import { App } from 'aws-cdk-lib';
import { TeamProjection } from 'distributary/cdk';

new TeamProjection(new App(), 'case-headlines');
